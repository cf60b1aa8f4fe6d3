"""The tables of the record, and what makes a file of an older facepipe one of today."""

APPLICATION_ID = 0x66616365  # "face"
SCHEMA_VERSION = 6
CONSENT = """CREATE TABLE consent (
    reference_id INTEGER PRIMARY KEY REFERENCES reference (id) ON DELETE CASCADE,
    wording TEXT NOT NULL,
    given_at TEXT NOT NULL                 -- UTC, ISO 8601
)"""
# Strangers whom scores are corrected for. Some of them may be enrolled: whoever is removed is no stranger any more
COHORT = (
    """CREATE TABLE cohort (
    id INTEGER PRIMARY KEY,
    person TEXT NOT NULL,
    vector BLOB NOT NULL                   -- as in reference
)""",
    """CREATE TRIGGER cohort_person AFTER DELETE ON person
BEGIN DELETE FROM cohort WHERE person = OLD.name; END""",
    """CREATE TRIGGER cohort_name AFTER UPDATE OF name ON person
BEGIN UPDATE cohort SET person = NEW.name WHERE person = OLD.name; END""",
    """CREATE TRIGGER cohort_reference AFTER DELETE ON reference
BEGIN DELETE FROM cohort WHERE vector = OLD.vector; END""",
)
# A photo embedded again gives another vector, by a little: its image tells, but others may stay enrolled by it
COHORT_IMAGE = (
    "ALTER TABLE cohort ADD COLUMN fingerprint TEXT",
    """CREATE TRIGGER cohort_image AFTER DELETE ON reference
BEGIN DELETE FROM cohort WHERE fingerprint = OLD.fingerprint AND NOT EXISTS (SELECT 1 FROM reference r
JOIN person p ON p.id = r.person_id WHERE p.name = cohort.person AND r.fingerprint = OLD.fingerprint); END""",
)
# Where the face is in a kept picture: x, y of five points, px of it, float32. NULL: where the card of the network has
# them that the gallery holds templates of
LANDMARKS = ("ALTER TABLE thumbnail ADD COLUMN landmarks BLOB",)
# What a change of network replaced, until it is settled (change.py). A reference that the new network could not make
# has the stamp 0 and no vector meanwhile: it is not matched, and takes part in nothing
FORMER = (
    """CREATE TABLE former (
    reference_id INTEGER PRIMARY KEY REFERENCES reference (id) ON DELETE CASCADE,
    vector BLOB NOT NULL,                  -- as in reference
    norm REAL NOT NULL
)""",
    "ALTER TABLE cohort ADD COLUMN former INTEGER NOT NULL DEFAULT 0",
    """CREATE TRIGGER cohort_former BEFORE DELETE ON reference
BEGIN DELETE FROM cohort WHERE former AND vector = (SELECT vector FROM former WHERE reference_id = OLD.id); END""",
)
# Of the face, as in align.quality.Measures. NULL: an older facepipe enrolled it. What ``quality`` has under this name
# is not to be read: of such a reference it is another measure
SHARPNESS = ("ALTER TABLE reference ADD COLUMN sharpness REAL",)
SCHEMA = f"""
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {SCHEMA_VERSION};
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;  -- uuid, backbone, dimension, state, calibration …
CREATE TABLE person (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    created_at TEXT NOT NULL
);
CREATE TABLE reference (
    id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used again
    person_id INTEGER NOT NULL REFERENCES person (id),
    stamp INTEGER NOT NULL,                -- the state it was written in; (id, stamp) stays unique even when a restored
                                           -- backup hands out ids a second time
    vector BLOB NOT NULL,                  -- float32, little-endian, unit norm
    norm REAL NOT NULL,                    -- of the raw embedding
    quality TEXT,                          -- JSON
    source TEXT NOT NULL,
    fingerprint TEXT NOT NULL,             -- of the image: sha256; where there is none, "vector:" and the vector's
    enrolled_at TEXT NOT NULL,             -- UTC, ISO 8601
    UNIQUE (fingerprint, person_id)
);
CREATE INDEX roster ON reference (person_id, stamp);
CREATE TABLE thumbnail (
    reference_id INTEGER PRIMARY KEY REFERENCES reference (id) ON DELETE CASCADE,
    image BLOB NOT NULL
);
{CONSENT};
{";".join(COHORT)};
{";".join(COHORT_IMAGE)};
{";".join(LANDMARKS)};
{";".join(FORMER)};
{";".join(SHARPNESS)};
"""
# What makes a file of each version one of the next. Only additions: a facepipe of before that has it open goes on.
UPGRADES = {1: (CONSENT,), 2: COHORT, 3: COHORT_IMAGE, 4: (*LANDMARKS, *FORMER), 5: SHARPNESS}
