"""Constants come from a file where an installation has one: checked by name and value, in force everywhere."""

from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType

import pytest

from models.constants import Constants
from models.model import ModelRules
from models.session import SessionRules
from models.slate import SlateRules
from schemas.errors import RefusedError
from schemas.events import Event, Item
from schemas.products import Product
from schemas.slates import Slate
from streams.bootstrap import build_world, clicks_rules, constants_of, names_of, rules_hash
from streams.constants_file import differing, load_constants, meanings, save_constants
from streams.deciding import ClicksRules
from streams.engine import Engine
from streams.findings import constants_finding
from streams.settings import Settings

OTHER = Constants(
    session=SessionRules(
        gaps=False,
        crawlers=frozenset({'the "bot"', "spider"}),
        kind_weights=MappingProxyType({**SessionRules().kind_weights, "cart": 4.0}),
    ),
    model=ModelRules(window=5, idf=0.25, sessions=1 << 10, blend_lr=0.05, blend_first=50),
    slates=SlateRules(fatigue=0.5, repurchase_days=1e-5),
)


def settings(path: Path | None) -> Settings:
    """Give settings that name a file of constants."""
    return Settings(_env_file=None, index="numpy", constants_file=path)


def written(path: Path, text: str) -> Path:
    """Write a file of constants."""
    path = path / "constants.toml"
    path.write_text(text)
    return path


def test_what_is_saved_is_loaded_again(tmp_path: Path) -> None:
    """Only what differs is written, each value with its meaning and its default."""
    path = tmp_path / "constants.toml"
    save_constants(OTHER, path, about="Found on a log.\nBy hand.")
    text = path.read_text()

    assert load_constants(path) == OTHER
    assert text.startswith("# Found on a log.\n# By hand.\n# Only what differs")
    assert "[blend]\n# Training rows learned before" in text
    assert "Default: 300.\nfirst = 50\n" in text
    assert "slots" not in text
    assert "kind_weights = { cart = 4.0 }" in text


def test_nothing_that_differs_makes_a_file_of_defaults(tmp_path: Path) -> None:
    """It says where it came from, and changes nothing."""
    path = tmp_path / "constants.toml"
    save_constants(Constants(), path, about="Nothing better was found.")
    assert load_constants(path) == Constants()
    assert differing(Constants()) == {}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[modle]", r"no group \[modle\]: did you mean model\?"),
        ("model = 3", r"model must be a group"),
        ("[model]\nwindw = 3", r"\[model\] has no constant windw: did you mean window\?"),
        ("[model]\nfatigue = 0.5", r"\[model\] has no constant fatigue: fatigue belongs to \[slates\]"),
        ("[model]\nblend_lr = 0.5", r"\[model\] has no constant blend_lr: lr belongs to \[blend\]"),
        ("[model]\nwindow = 0", r"window of \[model\] cannot be 0: it must be from 1 to 10\."),
        ("[model]\nwindow = 1.5", r"window of \[model\] cannot be 1.5: input should be a valid integer"),
        ("[model]\nwindow = true", r"window of \[model\] cannot be True: input should be a valid integer"),
        ("[model]\nwindow = 99999999999999999999", r"window of \[model\] cannot be 9+: integer exceeds"),
        ("[model]\nidf = nan", r"idf of \[model\] cannot be nan: input should be a valid number"),
        ("[model]\nsessions = 1000", r"sessions of \[model\] cannot be 1000: it must be a power of two"),
        ("[model]\nbpr_factors = 40", r"bpr_factors of \[model\] cannot be 40: it must be a multiple of 16"),
        ("[model]\nfactors = 12", r"factors of \[model\] cannot be 12: it must be a multiple of 8"),
        ("[model]\npair_limit = 256", r"pair_limit of \[model\] cannot be 256: it must be from 1 to 255"),
        ("[blend]\nlr = 0.0", r"lr of \[blend\] cannot be 0.0: it must be from 0.0001 to 10"),
        ("[session]\nkind_weights = { cart = 1e3 }", r"kind_weights of \[session\] .* from -100 to 100"),
        ("[session]\nkind_weights = { look = 1 }", r"kind_weights of \[session\] .* should be 'view'"),
        ("[session]\ntriggers = ['look']", r"triggers of \[session\] .* should be 'page_view'"),
        ("[session]\nsteps = 1979-05-27", r"steps of \[session\] cannot be .*: input should be a valid integer"),
        ("window", r"is no TOML"),
    ],
)
def test_what_no_constant_has_is_refused(tmp_path: Path, text: str, why: str) -> None:
    """One sentence that names the file, the constant, and what would be right."""
    path = written(tmp_path, text)
    with pytest.raises(RefusedError, match=why) as refusal:
        load_constants(path)
    assert str(path) in str(refusal.value)


def test_a_file_that_cannot_be_read_or_written_is_refused(tmp_path: Path) -> None:
    """What is missing, no text, or a directory."""
    path = tmp_path / "constants.toml"
    with pytest.raises(RefusedError, match="cannot be read"):
        load_constants(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(RefusedError, match="is no TOML"):
        load_constants(path)
    with pytest.raises(RefusedError, match="cannot be written"):
        save_constants(OTHER, tmp_path, about="x")


@pytest.mark.parametrize("rules", [SessionRules, ModelRules, SlateRules])
def test_every_constant_has_a_meaning_and_limits_that_hold_its_default(
    rules: type[SessionRules] | type[ModelRules] | type[SlateRules],
) -> None:
    """A file can hold any of them; what is no number needs no limits."""
    said, default = meanings(rules), rules()
    for one in fields(rules):
        value = getattr(default, one.name)
        assert said.get(one.name), f"the docstring of {rules.__name__} says nothing of {one.name}"
        if isinstance(value, int | float) and not isinstance(value, bool):
            assert one.name in rules.LIMITS, f"{rules.__name__}.LIMITS lacks {one.name}"
            assert not rules.LIMITS[one.name].objection(value)
    assert set(rules.LIMITS) <= {one.name for one in fields(rules)}


def test_a_whole_number_for_a_fraction_is_a_fraction(tmp_path: Path) -> None:
    """Compiled code knows one type of each constant."""
    idf = load_constants(written(tmp_path, "[model]\nidf = 1")).model.idf
    assert (idf, type(idf)) == (1.0, float)


def home_slate(path: Path | None) -> Slate:
    """Buy soap, and look at a mug ten days later."""
    engine = Engine(settings(path))
    for product_id in ("soap", "mug"):
        engine.put_product(Product(product_id=product_id, title=product_id))
    at = datetime(2026, 5, 1, tzinfo=UTC)
    asked = {"visitor_id": "v", "consent": "personalisation"}
    bought = Event(event_id="e1", name="purchase", at=at, items=(Item(product_id="soap"),), **asked)
    later = at + timedelta(days=10)
    looked = Event(event_id="e2", name="view_item", at=later, items=(Item(product_id="mug"),), **asked)
    engine.feed(bought)
    return next(slate for slate in engine.feed(looked) if slate.placement == "home")


def test_a_file_of_constants_changes_slates_and_the_settings_they_name(tmp_path: Path) -> None:
    """Every slate carries the name of what it was decided with; without a file nothing changes."""
    file = written(tmp_path, "[model]\nwindow = 1\n[slates]\nrepurchase_days = 5\n")
    usual, other = home_slate(None), home_slate(file)

    assert "soap" not in {item.product_id for item in usual.items}
    assert "soap" in {item.product_id for item in other.items}
    assert usual.lineage.settings == names_of(settings(None))[0] == rules_hash(ClicksRules(), ModelRules())
    assert other.lineage.settings == names_of(settings(file))[0] != usual.lineage.settings
    assert constants_of(settings(None)) == Constants()
    assert build_world(settings(file)).knowledge.model.rules == ModelRules(window=1)
    assert clicks_rules(settings(file)).slates == SlateRules(repurchase_days=5)


def test_doctor_names_the_settings_and_what_differs(tmp_path: Path) -> None:
    """All workers must print the same name; a file that cannot be used is a problem with the way out."""
    good = constants_finding(settings(written(tmp_path, "[blend]\nfirst = 50")))
    assert good.level == "ok"
    assert names_of(settings(tmp_path / "constants.toml"))[0] in good.found
    assert "blend.first" in good.found
    assert "all constants at their defaults" in constants_finding(settings(None)).found
    bad = constants_finding(settings(tmp_path / "missing.toml"))
    assert (bad.level, "cannot be read" in bad.found) == ("problem", True)
