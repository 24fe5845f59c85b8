"""Spanish verse: syllables and rhymes with known answers, and the measures on the poem itself."""

import random
import unicodedata
from collections import Counter
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnbook import recipes, rhyme, spanish, syllables, verse

DIVIDED = """
ins-truc-ción a-tle-ta ci-güe-ña pin-güi-no gue-rra gui-ta-rra que-so a-gua a-ve-ri-guáis
prohi-bir ahu-mar bú-ho ve-hí-cu-lo a-hue-car des-hue-sar al-ha-ja al-de-hue-la chi-i-ta
cre-er le-ón po-e-ta a-é-re-o pa-ís ma-íz o-í-a rí-o ac-tú-a ciu-dad cui-da-do cons-truí
viu-da rui-do buey es-toy le-yes u-ru-gua-yo pa-ra-no-ia e-xa-men pers-pi-caz
obs-tá-cu-lo a-bla-ción pa-dre ca-lle pe-rro le-che mú-si-ca ñan-dú y
pa güe-no vi-güe-la nai-des an-sí áhi cái-do má-es-tro le-tra-o pe-liar a-tra-í
"""

STRESSED = {
    "cantar": 1, "canto": 0, "cantó": 1, "cantan": 0, "compás": 1, "libertad": 2, "música": 0,
    "estoy": 1, "ley": 0, "reloj": 1, "joven": 0, "árboles": 0, "créanmenló": 3,
    "fácilmente": 2, "solamente": 2, "mente": 0, "naides": 0, "vigüela": 1, "y": 0,
}  # fmt: skip

# Counted by hand. Some are well known: Manrique, Garcilaso, San Juan de la Cruz, Góngora, Quevedo,
# Espronceda, Bécquer, Martí, Darío, and the poem's beginning.
VERSES = {
    "El negro es muy amoroso,": 8,
    "andaba muy entonao": 8,
    "Aquí me pongo a cantar": 8,
    "al compás de la vigüela,": 8,
    "que el hombre que lo desvela": 8,
    "como la ave solitaria": 8,
    "Recuerde el alma dormida,": 8,
    "que van a dar en la mar": 8,
    "Con diez cañones por banda,": 8,
    "viento en popa, a toda vela,": 8,
    "no corta el mar, sino vuela": 8,
    "un velero bergantín": 8,
    "Yo soy un hombre sincero": 8,
    "En una noche oscura": 7,
    "Cuando me paro a contemplar mi estado": 11,
    "En tanto que de rosa y azucena": 11,
    "Mientras por competir con tu cabello": 11,
    "polvo serán, mas polvo enamorado": 11,
    "Volverán las oscuras golondrinas": 11,
    "Los suspiros se escapan de su boca de fresa": 14,
    # the last stress
    "Canta, canta, payador": 8,
    "digo que sí, que te vas": 8,
    "suena a lo lejos la música": 8,
    "cantan los teros, las tórtolas": 8,
    "por favor, cuéntamelo": 5,
    "rápidamente cayó": 8,
    "se alejó tranquilamente": 8,
    "sol": 2,
    # vowels that meet between words, and those that do not
    "la guitarra está callada": 8,
    "que me queda un solo amigo": 8,
    "y el aguacero no amaina": 8,
    "bajo el ombú de la hacienda": 8,
    "¿Quién dirá lo que he perdido?": 8,
    "el oro que ha de brillar": 8,
    "mi alma y tu alma callaron": 7,
    "con la huella a mis espaldas": 8,
    "hierba y hueso, sal y olvido": 8,
    "calla y espera la lluvia": 8,
    "llueve y oigo los teros": 7,
    "siete u ocho forasteros": 8,
    "hoy espero al forastero": 8,
    "la reina y el rey huyeron": 8,
    "—Voy a la feria —responde": 8,
    # spelling
    "el cigüeñal y el pingüino": 8,
    "guerra, guitarra y querella": 8,
    "un águila sobre el cerro": 8,
    "prohibido andar a caballo": 8,
    "Averiguáis por qué vine": 8,
    "un buey, un guanaco, un ñandú": 9,
    "AUNQUE VENGA LA TORMENTA": 8,
    "no tengo más casa ni tierra": 9,
    "la luna va sola": 6,
    # as the gaucho says it
    "pa' el que anda solo en la pampa": 8,
    "naides sabe ande va el güey": 8,
    "ansí es más güeno el asao": 8,
    "me han quitao lo que tenía": 8,
    "se había alzao con la tropilla": 8,
    "yo tenía un buen flete moro": 8,
    "que no sea lo que se ha'e ver": 8,
    # nothing to count
    "": 0,
    "…¡! 1872": 0,
}  # fmt: skip

SEXTET = """Canto si el alba me llama,
canto si el sol se me esconde,
y si la noche responde
no pregunto por qué vino:
yo canto por el camino
sin que se sepa hasta dónde."""


class TestSyllables:
    @pytest.mark.parametrize("divided", DIVIDED.split())
    def test_a_word_is_divided_as_the_orthography_divides_it(self, divided):
        assert syllables.syllables(divided.replace("-", "")) == divided.split("-")

    @pytest.mark.parametrize(("word", "place"), STRESSED.items())
    def test_the_stress_of_a_word(self, word, place):
        assert syllables.stressed(word) == place

    @pytest.mark.parametrize(("line", "number"), VERSES.items())
    def test_a_verse_has_its_known_count(self, line, number):
        assert syllables.count(line) == number

    @pytest.mark.parametrize("line", VERSES)
    def test_neither_case_nor_punctuation_nor_the_form_of_accents_matters(self, line):
        number = syllables.count(line)
        assert syllables.count(line.upper()) == number
        assert syllables.count(unicodedata.normalize("NFD", line)) == number
        assert syllables.count(f'  "¡¿{line.replace(" ", ", —")}?! ') == number

    def test_a_scanned_verse_shows_where_words_are_tied(self):
        scanned = ["can", "tan", "do", "me‿he", "de", "mo", "rir"]
        assert syllables.scan("Cantando me he de morir,") == scanned

    @given(st.text())
    def test_any_text_can_be_counted(self, text):
        for word in syllables.words(text):
            parts = syllables.syllables(word)
            assert "".join(parts) in (word, "")
            assert not parts or 0 <= syllables.stressed(word) < len(parts)
        assert 0 <= syllables.count(text) <= len(syllables.scan(text)) + 1


class TestRhyme:
    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("al compás de la vigüela", "una pena lo desvela"),
            ("¡ya se va!", "no volverá"),
            ("la estrella", "la botella bella"),
            ("aquella", "la leya"),  # yeísmo
            ("la cabeza", "la princesa"),  # seseo
            ("el que cava", "el que acaba"),
            ("un paraje", "lo que traje"),
            ("la gente", "de repente"),
            ("esa jeta", "la veleta"),
            ("el rey", "de buena ley"),
            ("sigue", "que lo castigue"),
            ("la música", "la única música"),
            ("LA CANCIÓN", "el corazón"),
        ],
    )
    def test_lines_in_consonant_rhyme(self, one, other):
        assert rhyme.consonance(one) == rhyme.consonance(other)
        assert rhyme.assonance(one) == rhyme.assonance(other)

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("el pasto", "el caballo"),
            ("la gloria", "una sola"),
            ("un pájaro", "el campo"),
            ("se fue Venus", "lo menos"),
            ("un cantor", "la flor de hoy"),
            ("un asao", "el lado"),
            ("la guitarra", "el agua"),
        ],
    )
    def test_lines_that_share_only_the_vowels(self, one, other):
        assert rhyme.consonance(one) != rhyme.consonance(other)
        assert rhyme.assonance(one) == rhyme.assonance(other)

    @pytest.mark.parametrize(
        ("one", "other"), [("canto", "cantó"), ("la mano", "la mina"), ("amor", "amores")]
    )
    def test_lines_that_do_not_rhyme(self, one, other):
        assert rhyme.consonance(one) != rhyme.consonance(other)
        assert rhyme.assonance(one) != rhyme.assonance(other)

    def test_the_scheme_of_a_stanza(self):
        assert rhyme.scheme(SEXTET.splitlines()) == "abbccb"
        assert rhyme.scheme(["el pasto", "el caballo", "la flor"]) == "abc"
        assert rhyme.scheme(["el pasto", "el caballo", "la flor"], rhyme.assonance) == "aab"

    def test_lines_without_a_vowel_rhyme_with_nothing(self):
        assert rhyme.scheme(["…", "…", "la flor", "un cantor"]) == "abcc"

    @given(st.lists(st.text()))
    def test_any_lines_have_a_scheme(self, lines):
        for sound in (rhyme.consonance, rhyme.assonance):
            assert len(rhyme.scheme(lines, sound)) == len(lines)


class TestStanzas:
    def test_headings_are_no_verses(self):
        text = f"XII\n\nEL MORENO\n\n{SEXTET}\n\n  \n{SEXTET}\nNO ES PARA MAL DE NINGUNO\n"
        assert [len(stanza) for stanza in verse.stanzas(text)] == [6, 7]

    def test_the_poem_is_nearly_all_sextets(self, corpus_text):
        lengths = Counter(map(len, verse.stanzas(corpus_text("martin_fierro"))))
        assert lengths[6] == 1194
        assert sum(lengths.values()) == 1205

    def test_the_poem_has_13_and_33_cantos(self, corpus_text):
        poem = corpus_text("martin_fierro")
        cantos = verse.cantos(poem)
        assert "".join(cantos) == poem
        assert len(cantos) == 13 + 33
        assert [i for i, canto in enumerate(cantos) if canto.startswith("I\n")] == [0, 13]
        # The title of a canto stands before or after its numeral, and belongs to it.
        assert cantos[24].startswith("EL HIJO MAYOR DE MARTIN FIERRO\n\nXII\n\nLA PENITENCIARIA")

    def test_what_stands_before_the_first_canto_is_kept(self):
        assert verse.cantos(f"{SEXTET}\n\nII\n\n{SEXTET}") == [f"{SEXTET}\n\n", f"II\n\n{SEXTET}"]

    @given(st.text("IV aé\n\r", max_size=60) | st.text())
    def test_the_cantos_of_any_text_are_the_text(self, text):
        assert "".join(verse.cantos(text)) == text

    def test_verse_numbers_are_taken_away(self, corpus_text):
        assert verse.unnumbered("  1: Aqui\n2:me 3: pongo") == "Aqui\nme 3: pongo"
        plain = verse.unnumbered(corpus_text("poesia_gauchesca"))
        assert not any(character.isdigit() for character in plain)

    def test_every_first_verse_begins_a_stanza(self):
        assert verse.unnumbered("1: a\n2: b\n1: c\n\n 1: d") == "a\nb\n\nc\n\nd"

    def test_both_texts_of_the_poem_hold_out_the_same_cantos(self, corpus_text):
        talk, poem = corpus_text("poesia_gauchesca"), corpus_text("martin_fierro")
        held_out = poem[len(poem) - int(recipes.HELD_OUT_CANTOS * len(poem)) :]
        talks = talk[len(talk) - int(recipes.HELD_OUT_CANTOS_TALK * len(talk)) :]
        assert [text.split(maxsplit=1)[0] for text in (held_out, talks)] == ["XXXI", "XXXI"]
        ours, theirs = (verse.stanzas(t) for t in (bare(held_out), verse.unnumbered(talks)))
        assert [stanza[0] for stanza in ours[:20]] == [stanza[0] for stanza in theirs[:20]]


def bare(text: str) -> str:
    decomposed = unicodedata.normalize("NFD", text)
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


class TestSpanish:
    def test_accents_come_back_with_the_case_of_the_word(self):
        reference = "la canción del niño, el niño cantó; canto, cantó"
        text = "El nino, LA CANCION, y Canto."
        assert spanish.accented(text, reference) == "El niño, LA CANCIÓN, y Cantó."

    def test_the_poem_gets_nearly_all_its_accents_back(self, corpus_text):
        poem = corpus_text("martin_fierro")
        restored = syllables.words(spanish.accented(bare(poem), poem))
        pairs = list(zip(restored, syllables.words(poem), strict=True))
        assert sum(one == other for one, other in pairs) / len(pairs) > 0.97

    @given(st.text(), st.text())
    def test_any_text_can_be_accented(self, text, reference):
        restored = spanish.accented(text, reference)
        assert bare(restored) == bare(text)

    def test_the_list_knows_words_that_the_beginning_of_the_poem_lacks(self, corpus_text):
        known = frozenset(corpus_text("spanish_words").split())
        assert {"canción", "niño", "cantábamos", "guitarras", "vergüenza"} <= known
        assert not {"canciom", "nñio", "guitarrra", ""} & known
        cantos = verse.cantos(corpus_text("martin_fierro"))
        training, held_out = "".join(cantos[:-4]), "".join(cantos[-4:])
        without = verse.measure(held_out, training, frozenset()).known_words
        with_list = verse.measure(held_out, training, known).known_words
        assert without < 0.90 < 0.95 < with_list


def lines_of(text: str) -> list[str]:
    return [line for stanza in verse.stanzas(text) for line in stanza]


class TestPoem:
    def test_its_verses_are_octosyllables(self, corpus_text):
        lines = lines_of(corpus_text("martin_fierro"))
        counts = Counter(map(syllables.count, lines))
        assert counts[8] / len(lines) > 0.98
        assert (counts[7] + counts[8] + counts[9]) / len(lines) > 0.998


@pytest.fixture(scope="module")
def held_out(corpus_text) -> str:
    return "".join(verse.cantos(corpus_text("martin_fierro"))[-4:])


@pytest.fixture(scope="module")
def training(corpus_text) -> str:
    return "".join(verse.cantos(corpus_text("martin_fierro"))[:-4])


@pytest.fixture(scope="module")
def before(held_out, training) -> verse.Measures:
    return measured(verse.stanzas(held_out), training, held_out)


def joined(stanzas: list[list[str]]) -> str:
    return "\n\n".join("\n".join(stanza) for stanza in stanzas)


def measured(stanzas: list[list[str]], training: str, held_out: str) -> verse.Measures:
    """Measure stanzas where every word of the held-out cantos is known."""
    return verse.measure(joined(stanzas), training, set(syllables.words(held_out)))


def moved(before: verse.Measures, after: verse.Measures) -> set[str]:
    """Name the figures that differ by what a reader would call a difference."""
    allowed = {"verses": 0, "stanzas": 0, "longest_copy": 10}
    old, new = asdict(before), asdict(after)
    return {name for name in old if abs(new[name] - old[name]) > allowed.get(name, 0.03)}


class TestDiscrimination:
    """Every change to whole held-out cantos moves the figures it should, and no others."""

    def test_held_out_cantos_are_verse_and_not_copied(self, before):
        assert before.octosyllables > 0.98
        assert before.near_octosyllables > 0.995
        assert before.sextets > 0.97
        assert 0.45 < before.consonant < before.assonant
        assert before.copied < 0.01
        assert before.longest_copy < 40

    @pytest.mark.parametrize(
        ("more", "figures"),
        [("pues ", {"octosyllables"}), ("pues sin ", {"octosyllables", "near_octosyllables"})],
    )
    def test_syllables_added(self, held_out, training, before, more, figures):
        longer = [[more + line for line in stanza] for stanza in verse.stanzas(held_out)]
        after = measured(longer, training, held_out)
        assert moved(before, after) == figures
        assert after.octosyllables < 0.02

    def test_a_syllable_removed(self, held_out, training, before):
        def shorter(line: str) -> str:
            first_word_is_a_syllable = syllables.scan(line)[0] == syllables.words(line)[0]
            return line.partition(" ")[2] if first_word_is_a_syllable else line

        cut = [[shorter(line) for line in stanza] for stanza in verse.stanzas(held_out)]
        after = measured(cut, training, held_out)
        assert moved(before, after) == {"octosyllables"}
        changed = sum(shorter(line) != line for line in lines_of(held_out)) / before.verses
        assert changed > 0.4
        assert before.octosyllables - after.octosyllables == pytest.approx(changed, abs=0.02)

    def test_verses_shuffled(self, held_out, training, before):
        lines = lines_of(held_out)
        random.Random(0).shuffle(lines)
        rest = iter(lines)
        shuffled = [[next(rest) for _ in stanza] for stanza in verse.stanzas(held_out)]
        after = measured(shuffled, training, held_out)
        assert moved(before, after) == {"consonant", "assonant"}
        assert after.assonant < 0.01

    def test_words_that_are_none(self, held_out, training, before):
        swap = str.maketrans("dtDT", "tdTD")
        strange = [[line.translate(swap) for line in stanza] for stanza in verse.stanzas(held_out)]
        after = measured(strange, training, held_out)
        assert moved(before, after) == {"known_words"}
        assert after.known_words < 0.8

    def test_what_has_been_read_is_copied(self, held_out, training, before):
        stanzas = verse.stanzas(held_out)
        read = joined(stanzas)
        after = measured(stanzas, training + read, held_out)
        assert moved(before, after) == {"copied", "longest_copy"}
        assert after.copied == 1
        assert after.longest_copy == len(read)

    def test_a_stanza_that_lost_a_line(self):
        whole = verse.measure(f"{SEXTET}\n\n{SEXTET}", "", frozenset())
        cut = verse.measure(f"{SEXTET}\n\n{SEXTET.rpartition(chr(10))[0]}", "", frozenset())
        assert (whole.stanzas, whole.sextets, whole.consonant) == (2, 1.0, 1.0)
        assert (cut.stanzas, cut.sextets, cut.consonant) == (2, 0.5, 1.0)


class TestAnyText:
    def test_composed_and_decomposed_accents_measure_alike(self, held_out, training):
        texts = (held_out, training)
        composed = verse.measure(*texts, frozenset())
        decomposed = (unicodedata.normalize("NFD", text) for text in texts)
        assert verse.measure(*decomposed, frozenset()) == composed

    @given(st.text(), st.text())
    def test_any_text_has_measures(self, sample, training):
        figures = asdict(verse.measure(sample, training, frozenset()))
        assert all(figure >= 0 for figure in figures.values())
        assert all(figure <= 1 for figure in figures.values() if isinstance(figure, float))
