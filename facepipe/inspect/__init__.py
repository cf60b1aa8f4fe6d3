"""A pipeline looked into: its networks as they saw a face, dumps of what they put out, the page that explains it."""
