"""The page of an evaluation: curves, tables and the worst mistakes, in one file, in English and Chinese."""
