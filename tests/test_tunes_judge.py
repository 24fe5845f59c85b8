import importlib.util

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rnnbook import abc_reader, tunes
from rnnbook.parsing import Music21

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("music21") is None, reason="music21 is not installed"
)

FIELDS = "M:6/8\nL:1/8\nK:D\n"
# Two parts, each with an upbeat, both repeated, the second with two endings.
JIG = """A | d2f fed | e2g gfe | (3faf a f>de | ecA A2A |
d2f fed | e2g gfe | {g}fdB ecA | d3 d2 :|
|: e | f2a a2f | g2b b2=c | f2a agf | [eg]2e ecA |
f2a a2f | gfe e-ec |1 fdB ecA | d3 d2 :|2 fdB ecA | d3 d2 |]"""


@pytest.fixture(scope="module")
def music21():
    with Music21(seconds=20) as parser:
        yield parser


@pytest.fixture
def judged(music21):
    """A function from music, under the fields above, to the verdict on it."""
    return lambda music: tunes.judge(FIELDS + music, music21)


def right(music: str) -> str:
    """Write a 1 for each bar that lasts as the metre says, a 0 for each that does not."""
    return "".join(str(int(bar)) for bar in tunes.bars_right(abc_reader.read(FIELDS + music)))


class TestBars:
    def test_an_upbeat_is_completed_by_the_last_bar_of_its_part(self):
        assert right("A | d3 e3 | f3 d2 :| g | f6 | d3 d2 :|") == "111111"

    def test_an_upbeat_that_a_repeat_goes_back_to_must_be_completed(self):
        assert right("A | d3 e3 | f3 d3 :|") == "011"
        assert right("A | d3 e3 | f3 d2 :|") == "111"

    def test_an_upbeat_that_is_played_once_may_stand_alone(self):
        assert right("A |: d3 e3 | f3 d3 :|") == "111"
        assert right("A | d3 e3 || f3 d3 |]") == "111"

    def test_a_part_may_end_within_a_bar(self):
        assert right("d3 e3 | f3 || g3 | f6 |]") == "1111"
        assert right("d3 e3 | f3 | g3 | f6 |]") == "1001"

    def test_a_short_last_bar_needs_an_upbeat(self):
        assert right("d3 e3 | f3 d2 :|") == "10"

    def test_a_long_bar_is_never_right(self):
        assert right("A | d3 e3 g | f3 d2 :|") == "101"
        assert right("d3 e3 f |]") == "0"

    def test_both_endings_complete_the_upbeat(self):
        assert right("A | d6 |1 e3 d2 :|2 e3 d2 |]") == "1111"
        assert right("A | d6 |1 e3 d2 :|2 e3 d |]") == "1110"


class TestVerdict:
    def test_a_tune_in_order(self, judged):
        verdict = judged(JIG)
        assert verdict == tunes.Verdict(
            parses=True,
            bars=20,
            bars_right=20,
            repeats_pair=True,
            in_key=verdict.in_key,
            on_tonic=True,
            ends=True,
            reasons=(),
        )
        assert verdict.well_formed
        assert 0.9 < verdict.in_key < 1  # but for one C natural

    @pytest.mark.parametrize(
        ("old", "new", "reason"),
        [
            ("| e2g gfe |", "| e2g gf2e |", "bars that do not last as long as the metre says: 3"),
            ("e2g gfe |", "e2g gfe", "do not last"),
            ("{g}fdB", "{gfdB", "it has '{'"),
            ("2 fdB", " fdB", "a first ending without a second"),
            (" |1 fdB", " | fdB", "a second ending without a first"),
            ("d2 :|2", "d2 |2", "a first ending without :|"),
            ("d3 d2 |]", "d3 d2", "does not end"),
            ("d3 d2 |]", "d3 d2 |", "does not end"),
        ],
    )
    def test_a_flaw_is_found_and_named(self, judged, old, new, reason):
        assert old in JIG
        verdict = judged(JIG.replace(old, new, 1))
        assert not verdict.well_formed
        assert reason in " ".join(verdict.reasons)

    def test_a_repeat_that_is_never_closed(self, judged):
        assert "|: without :|" in " ".join(judged("|: d3 d3 | e6 |]").reasons)
        assert "|: within |:" in " ".join(judged("|: d3 d3 |: e6 :|").reasons)

    def test_notes_off_the_key(self, judged):
        verdict = judged("d3 ^d=f_a | d2d d2d :|")
        assert verdict.in_key == 5 / 8
        assert verdict.reasons == ("only 62% of its notes are in its key",)

    def test_the_last_note_may_leave_the_tune_open(self, judged):
        assert not judged("d3 e3 | f6 |]").on_tonic
        assert judged("d3 e3 | f6 |]").well_formed

    @pytest.mark.parametrize("tune", ["", "\n\n", "K:", FIELDS, f"{FIELDS}|: :|", f"{FIELDS}z6 |]"])
    def test_a_tune_without_notes(self, music21, tune):
        verdict = tunes.judge(tune, music21)
        assert "it has no notes" in verdict.reasons
        assert not any([verdict.repeats_pair, verdict.ends, verdict.on_tonic, verdict.in_key])


class TestAll:
    def test_shares_of_tunes_and_of_bars(self):
        whole = FIELDS + JIG
        cut = whole[: whole.index("|: e")] + "|: e | f2a"
        summary = tunes.judge_all([whole, cut, whole, "no tune"])
        assert [verdict.well_formed for verdict in summary.verdicts] == [True, False, True, False]
        assert summary.parse == 3 / 4
        assert summary.end == summary.well_formed == 1 / 2
        assert 0 < summary.bars_right < 1

    def test_no_tunes_have_no_shares(self):
        with pytest.raises(ValueError, match="no tune"):
            tunes.judge_all([])


class TestMalformed:
    def test_a_tune_on_which_music21_never_ends_is_given_up_and_the_next_one_judged(self):
        with Music21(seconds=2) as impatient:
            stuck = tunes.judge("M:99999999/1\nL:1/8\nK:D\nABcd|ABcd|", impatient)
            assert not stuck.parses
            assert "not done after 2 seconds" in stuck.reasons[0]
            assert tunes.judge(FIELDS + JIG, impatient).well_formed

    def test_a_process_that_dies_is_replaced(self):
        with Music21() as parser:
            assert parser.objection(FIELDS + JIG) is None
            parser._process.kill()
            parser._process.wait()
            assert parser.objection(FIELDS + JIG) == "its process broke down"
            assert parser.objection(FIELDS + JIG) is None

    @pytest.mark.parametrize(
        "tune",
        [
            "M:0/0\nL:1/8\nK:D\nABcd|",
            f"{FIELDS}{'A' * 2**20}",
            f"{FIELDS}{'[' * 9000}",
            f"{FIELDS}{'(3' * 4000}",
            f"{FIELDS}{'{' * 4000}{'}' * 4000}",
            f"{FIELDS}{'|:' * 4000}",
            f"{FIELDS}A{'9' * 5000}|",
            f"{FIELDS}A{'/' * 5000}|",
            f"{FIELDS}A{'>' * 5000}B|",
            f"{FIELDS}{'^' * 5000}B|",
            f"M:{'9' * 5000}/8\nL:1/{'9' * 3000}\nK:D\nA|",
            f"{FIELDS}\x00\ud800\U0010ffff",
            "X:1\n" * 2000,
        ],
        ids=range(13),
    )
    def test_absurd_tunes_are_not_well_formed(self, music21, tune):
        assert not tunes.judge(tune, music21).well_formed

    @settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        st.one_of(
            st.binary(max_size=300).map(lambda data: data.decode("latin-1")),
            st.text(max_size=100).map(lambda text: FIELDS + text),
            st.text(alphabet="ABcd^_='2/3|:[](){}<>-\n1", max_size=100).map(
                lambda text: FIELDS + text
            ),
        )
    )
    def test_nothing_raises(self, music21, tune):
        verdict = tunes.judge(tune, music21)
        assert 0 <= verdict.bars_right <= verdict.bars
        assert verdict.parses or not verdict.well_formed
