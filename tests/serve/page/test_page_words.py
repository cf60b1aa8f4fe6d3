"""Both languages say everything, and know every error."""

import inspect
import re
from pathlib import Path

import pytest

from facepipe import errors
from facepipe.enroll.gate import Problem
from facepipe.enroll.guide import MESSAGES
from facepipe.serve import page

SCRIPTS = Path(page.__file__).parent / "page"
KEY = re.compile(r'^  "?([\w.-]+)"?:', re.MULTILINE)
SAID = re.compile(r'(?<!\.)\bsay\(\s*(?:[^,()`]*\?\s*)?"([\w.-]+)"(?:\s*:\s*"([\w.-]+)")?')


def keys(language: str) -> list[str]:
    files = (SCRIPTS / "js" / "locales" / f"{language}{part}.js" for part in ("", "-errors"))
    return [key for file in files for key in KEY.findall(file.read_text("utf-8"))]


def test_both_languages_say_the_same_things() -> None:
    assert keys("en") == keys("zh")
    assert len(keys("en")) == len(set(keys("en")))


def test_whatever_is_said_has_words() -> None:
    html = (SCRIPTS / "index.html").read_text("utf-8")
    said = set(re.findall(r'data-t(?:-label)?="([\w.-]+)"', html))
    for script in SCRIPTS.rglob("*.js"):
        for found in SAID.findall(script.read_text("utf-8")):
            said |= set(filter(None, found))
    assert len(said) > 100
    assert said - set(keys("en")) == set()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_error_of_the_server_has_words(language: str) -> None:
    classes = [c for c in vars(errors).values() if inspect.isclass(c) and issubclass(c, errors.FacepipeError)]
    codes = {f"error.{c.code}" for c in classes if not c.__subclasses__() and not issubclass(c, errors.SourceError)}
    assert len(codes) > 30
    assert codes - set(keys(language)) == set()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_hint_has_words(language: str) -> None:
    hints = {f"hint.{code}" for code in [*MESSAGES, *(problem.value for problem in Problem)]}
    assert hints - set(keys(language)) == set()
