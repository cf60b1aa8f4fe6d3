"""Lists of pairs, good and bad, each bad one with its one line."""

from pathlib import Path

import pytest

from facepipe.errors import UsageError
from facepipe.evaluate.listing import read_listing

GOOD = (
    "image_a,image_b,same_person,fold\na1.jpg,a2.jpg,1,0\nb1.jpg,b2.jpg,yes,1\na1.jpg,b1.jpg,0,0\na2.jpg,b2.jpg,No,1\n"
)


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    path = tmp_path / "pairs.csv"
    path.write_text(GOOD, "utf-8")
    return path


def test_pairs_folds_rows_and_people(csv: Path, tmp_path: Path) -> None:
    found = read_listing(csv)
    assert [path.name for path in found.images] == ["a1.jpg", "a2.jpg", "b1.jpg", "b2.jpg"]
    assert found.images[0].parent == tmp_path
    assert found.pairs.tolist() == [[0, 1], [2, 3], [0, 2], [1, 3]]
    assert found.same.tolist() == [True, True, False, False]
    assert found.rows.tolist() == [2, 3, 4, 5]
    assert [found.fold_names[fold] for fold in found.folds] == ["0", "1", "0", "1"]
    assert found.called[0] == found.called[1] != found.called[2] == found.called[3]
    assert not found.named
    assert found.remarks == ()


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace(",", ";"),
        GOOD.replace(",", "\t"),
        GOOD.replace("\n", "\r\n"),
        "\ufeff" + GOOD,
        GOOD.replace("\n", "\n\n"),
        GOOD.replace("image_a", " Image_A ").replace("yes", " TRUE "),
        GOOD.replace("a1.jpg", '"a1.jpg"'),
        "sep=;\n" + GOOD.replace(",", ";"),
        "\ufeffSEP=;\r\n" + GOOD.replace(",", ";"),
        '"sep=|"\n' + GOOD.replace(",", "|"),
        "sep=,,,,\n" + GOOD,
        "sep=\t\n" + GOOD.replace(",", "\t"),
        GOOD.replace("yes", "Y").replace("No", "n"),
        GOOD.replace("yes", "T").replace("No", "F"),
        GOOD.replace(",1,", ",1.0,").replace("No", "0.00"),
        GOOD.replace(",", ";").replace(";1;", ";1,0;").replace("No", "0,0"),
    ],
)
def test_as_spreadsheets_write_it(csv: Path, text: str) -> None:
    csv.write_bytes(text.encode())
    found = read_listing(csv)
    assert found.pairs.tolist() == [[0, 1], [2, 3], [0, 2], [1, 3]]
    assert found.same.tolist() == [True, True, False, False]


def test_rows_are_counted_from_the_top_of_the_file(csv: Path) -> None:
    csv.write_text("sep=;\n" + GOOD.replace(",", ";").replace("No", "maybe"), "utf-8")
    with pytest.raises(UsageError, match="row 6: same_person is 'maybe'; expected 1, 0, true"):
        read_listing(csv)


def test_paths_as_windows_writes_them(csv: Path, tmp_path: Path) -> None:
    (tmp_path / "odd\\name.jpg").touch()
    csv.write_text("image_a,image_b,same_person\nAda\\1.jpg,Ada/2.jpg,1\nAda/1.jpg,odd\\name.jpg,0\n", "utf-8")
    found = read_listing(csv)
    assert [str(path.relative_to(tmp_path)) for path in found.images] == ["Ada/1.jpg", "Ada/2.jpg", "odd\\name.jpg"]


def test_images_of_another_folder_and_further_columns(csv: Path, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    csv.write_text("note,image_a,same_person,image_b\nx,a.jpg,1,b.jpg\ny,sub/../a.jpg,0,c.jpg\n", "utf-8")
    found = read_listing(csv, tmp_path / "photos")
    assert [path.relative_to(tmp_path).as_posix() for path in found.images] == [f"photos/{n}.jpg" for n in "abc"]
    assert found.fold_names == ()


def test_people_may_be_named(csv: Path) -> None:
    csv.write_text(
        "image_a,image_b,same_person,person_a,person_b\n1,2,1,Ada,Ada\n3,4,0,Ada,Ben\n5,4,0,Cy,Ben\n", "utf-8"
    )
    found = read_listing(csv)
    assert found.named
    assert found.called == ("Ada", "Ada", "Ada", "Ben", "Cy")


def test_a_name_is_one_however_it_is_written(csv: Path) -> None:
    head = "image_a,image_b,same_person,person_a,person_b\n"
    csv.write_text(f"{head}1,2,1,Zo\u00eb,Zoe\u0308\n3,4,0,Ada,Ben\n", "utf-8")
    assert read_listing(csv).called == ("Zo\u00eb", "Zo\u00eb", "Ada", "Ben")


def test_pairs_of_one_person_join_people_over_several_rows(csv: Path) -> None:
    csv.write_text("image_a,image_b,same_person\n1,2,1\n2,3,1\n4,5,1\n3,4,0\n", "utf-8")
    people = read_listing(csv).called
    assert people[0] == people[1] == people[2] != people[3] == people[4]


@pytest.mark.parametrize(
    ("row", "remark"),
    [
        ("a2.jpg,a1.jpg,true,0", "row 6 repeats another row and is left out"),
        ("a1.jpg,./a1.jpg,1,0", "row 6 compares an image with itself and is left out"),
    ],
)
def test_rows_that_say_nothing_new_are_left_out_with_a_remark(csv: Path, row: str, remark: str) -> None:
    csv.write_text(f"{GOOD}{row}\n{row}\n", "utf-8")
    found = read_listing(csv)
    assert len(found.pairs) == 4
    assert found.remarks == (f"{remark}, as 1 more do",)


def test_a_row_that_other_rows_contradict_is_remarked_on(csv: Path) -> None:
    csv.write_text("image_a,image_b,same_person\n1,2,1\n2,3,1\n1,3,0\n1,4,0\n", "utf-8")
    (remark,) = read_listing(csv).remarks
    assert remark == "row 4 says two people, but other rows join its images as one; check the labels"


HEAD = "image_a,image_b,same_person\n"
NAMED = "image_a,image_b,same_person,person_a,person_b\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "empty; expected columns image_a, image_b, same_person"),
        ("\n", "empty; expected columns"),
        ("\n" + HEAD, "row 1 is blank; expected columns"),
        (HEAD, "no pairs of two images"),
        ("image_a,same_person\n1,1\n", "column image_b is missing; expected columns"),
        (HEAD + "1,2,maybe\n", "row 2: same_person is 'maybe'; expected 1, 0, true, false, yes or no"),
        (HEAD + "1,2,\n", "row 2: same_person is empty"),
        (HEAD + "1,2,1\n,2,0\n", "row 3: image_a is empty"),
        (HEAD + "1,2,1\n\n1,2\n", "row 4: 2 columns; expected 3, as in row 1"),
        (HEAD + "1,2,1\n1,3,1\n", "all 2 usable pairs are of one person; expected some of one and some of two"),
        (HEAD + "1,2,0\n", "all 1 usable pairs are of two people"),
        (HEAD + "1,2,1\n3,4,0\n2,1,0\n", "row 4: row 2 has the same images, and says the opposite"),
        ("image_a,image_b,same_person,fold\n1,2,1,\n", "row 2: fold is empty"),
        ("image_a,image_b,same_person,person_a\n1,2,1,x\n", "of person_a and person_b one column is missing"),
        (NAMED + "1,2,1,Ada,Ben\n", "row 2: same_person contradicts the names Ada and Ben"),
        (NAMED + "1,2,1,Ada,Ada\n1,3,0,Cy,Ben\n", "row 3: the image is Cy's here, Ada's in a row before"),
    ],
)
def test_each_fault_is_one_line(csv: Path, text: str, expected: str) -> None:
    csv.write_text(text, "utf-8")
    with pytest.raises(UsageError) as raised:
        read_listing(csv)
    assert str(raised.value).startswith(f"{csv}: {expected}")
    assert "\n" not in str(raised.value)


def test_files_that_are_no_list(csv: Path, tmp_path: Path) -> None:
    csv.write_bytes(GOOD.encode("utf-16"))
    with pytest.raises(UsageError, match="not UTF-8 text"):
        read_listing(csv)
    with pytest.raises(UsageError, match="cannot be read"):
        read_listing(tmp_path / "nowhere.csv")
    with pytest.raises(UsageError, match=r"is a folder; expected a CSV file.* --folders"):
        read_listing(tmp_path)
    with pytest.raises(UsageError, match=r"nowhere: no such folder; expected the one that the images of pairs\.csv"):
        read_listing(csv, tmp_path / "nowhere")


@pytest.mark.slow
def test_a_long_list(csv: Path) -> None:
    """200,000 pairs of 2,100 images."""
    rows = (f"a{n % 2000},b{n // 2000},{n % 2}\n" for n in range(200_000))
    csv.write_text(HEAD + "".join(rows), "utf-8")
    found = read_listing(csv)
    assert len(found.images) == 2100
    assert found.pairs.shape == (200_000, 2)
    assert found.rows[-1] == 200_001
