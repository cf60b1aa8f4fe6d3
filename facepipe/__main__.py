"""``python -m facepipe`` is ``facepipe``."""

from facepipe.cli.app import main

if __name__ == "__main__":
    main()
