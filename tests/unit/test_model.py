"""The model as a whole: a fold of its log, the same wherever and however it is computed."""

import random
import subprocess
import sys
import textwrap
from collections.abc import Iterable

import numpy as np
import pytest

from models.blend import FEATURES
from models.items import packed
from models.kernel import hash63
from models.model import Blend, Model, ModelRules, Query
from models.snapshot import decode, encode, freeze, offset_of, pieces
from models.watermark import Watermark
from schemas.errors import RefusedError
from schemas.learning import LearningStep, Origin, TrainingRow, pack_features
from schemas.record import from_epoch_ms

SMALL = ModelRules(
    items=900, people=40, users=30, sessions=64, session_items=5, postings=8, slots=6, together_slots=6,
    unknown_items=300, pair_cells=256, landings=8, landing_items=4, landing_events=30.0, history_slots=4,
    half_life_min=50, seen_offsets=64, blend_first=2, baskets=64, basket_items=5, basket_postings=8,
    leaves=300, leaf_slots=4, leaf_items=4, repurchase_gaps=4, repurchase_least=2,
)  # fmt: skip
"""Caps low enough for every eviction to happen within some hundreds of steps."""

KINDS = ("view", "view", "view", "click", "cart", "purchase", "remove", "refund", "impression", "identify", "forget")

WEIGHT = {"cart": 3.0, "purchase": 5.0, "remove": -2.0, "refund": -2.0}


def step(offset: int, kind: str = "view", *, item: str = "a", visitor: str = "v", **more: object) -> LearningStep:
    """Build a step; `more` overrides."""
    fields: dict[str, object] = {
        "origin": Origin(topic="clickstream.events", partition=0, offset=offset),
        "at": from_epoch_ms(1_700_000_000_000 + 1_000 * offset),
        "visitor_id": visitor,
        "session": f"{visitor}-1",
        "kind": kind,
        "items": ((item, 1.0),),
    }
    return LearningStep(**(fields | more))


def random_row(rng: random.Random) -> TrainingRow:
    """Build a training row of the blend's shape."""
    table = np.array([[rng.random() for _ in FEATURES] for _ in range(3)], np.float32)
    return TrainingRow(version=Blend.VERSION, rows=3, columns=table.shape[1], features=pack_features(table))


def random_log(seed: int, length: int, *, items: int = 900) -> list[LearningStep]:
    """Write a log of all kinds of steps with more items, people and sessions than SMALL holds."""
    rng = random.Random(seed)
    log = []
    for offset in range(length):
        visitor, leaf = f"v{rng.randrange(60)}", random.Random(offset)
        kind = rng.choice(KINDS)
        names = [f"i{min(int(rng.paretovariate(0.6)), items)}" for _ in range(12)]
        log.append(
            step(
                offset, kind, visitor=visitor, session=f"{visitor}-{rng.randrange(3)}",
                user_id=f"u{rng.randrange(20)}" if kind == "identify" or rng.random() < 0.2 else None,
                items=tuple((name, WEIGHT.get(kind, 1.0)) for name in names[: rng.randrange(3)]),
                context=tuple((name, rng.uniform(-1, 2)) for name in names[4 : 4 + rng.randrange(8)]),
                cart=tuple(names[: rng.randrange(4)]),
                leaves=tuple(f"l{leaf.randrange(400)}" if leaf.random() < 0.9 else "" for _ in range(2)),
                cart_leaves=tuple(f"l{leaf.randrange(9)}" for _ in range(leaf.randrange(4))),
                gap_days=tuple(leaf.choice([0, 1.5, 30]) for _ in range(2)),
                landing={"country": rng.choice(["NL", "DE"]), "device": rng.choice(["mobile", "desktop"]),
                         "campaign": f"c{rng.randrange(9)}", "part": rng.choice(["night", "morning"])},
                slate_id="s" if rng.random() < 0.3 else None,
                explored=rng.choice([None, "new", "long_tail"]),
                row=random_row(random.Random(offset)) if rng.random() < 0.05 else None,
            )
        )  # fmt: skip
    return [one.model_copy(update={"unknown": some_unknown(one)}) for one in log]


def some_unknown(one: LearningStep) -> tuple[int, ...]:
    """Say which names no catalogue holds: every third, and as many others now and then."""
    return tuple(
        place
        for place, name in enumerate(one.names())
        if int(name[1:]) % 3 == 0 or (int(name[1:]) + one.origin.offset) % 3 == 0
    )


def learned(log: Iterable[LearningStep], rules: ModelRules = SMALL) -> Model:
    """Fold a log."""
    model = Model(rules)
    for offset, one in enumerate(log):
        model.learn_one(one, offset)
    return model


QUERY = Query(items=(("i1", 1.0), ("i2", -0.2), ("i3", 0.5)), session="v1-1", key="u1", cart=("i1", "i4"))


def test_same_log_same_model() -> None:
    """Two models that fold the same log are equal to the last bit."""
    log = random_log(1, 1_500)
    assert learned(log).digest() == learned(log).digest()


def test_asking_changes_nothing() -> None:
    """A model that is asked between steps stays equal to one that is not."""
    log = random_log(2, 800)
    asked = Model(SMALL)
    for offset, one in enumerate(log):
        asked.learn_one(one, offset)
        asked.candidates(QUERY._replace(key=f"nobody{offset}"))
        asked.popularity({"country": "NL"})
    assert asked.digest() == learned(log).digest()


@pytest.mark.parametrize("cut", [0, 1, 333, 1_000])
def test_saving_and_loading_on_the_way(cut: int) -> None:
    """A model loaded from a snapshot and fed the rest equals one that never stopped, and answers alike."""
    log = random_log(3, 1_200)
    model = learned(log[:cut])
    again = decode(encode(model), SMALL)
    assert again.digest() == model.digest()
    for offset in range(cut, len(log)):
        model.learn_one(log[offset], offset)
        again.learn_one(log[offset], offset)
    assert again.digest() == model.digest()
    here, there = model.candidates(QUERY), again.candidates(QUERY)
    assert list(here) == list(there)
    assert all(model.names(here[name]) == again.names(there[name]) for name in here)
    assert all((here[name].scores == there[name].scores).all() for name in here)


def test_a_loaded_model_answers_alike_about_items_that_were_only_seen() -> None:
    """How much room its tables have decides nothing: numbers beyond what was visited keep their place in a session."""
    pairs = [((f"i{k - 1}", 1.0),) if k % 2 else () for k in range(150)]
    log = [step(k, item=f"i{k}", session=f"s{k // 2}", context=before) for k, before in enumerate(pairs)]
    log += [step(k, "impression", item=f"i{k}") for k in range(150, 205)]
    model = learned(log)
    query = Query(items=(("i140", 1.0), ("i145", 1.0), ("i204", 1.0)), session="z", key="v")
    asked, again = model.candidates(query), decode(encode(model), SMALL).candidates(query)
    assert {"session_knn", "covisitation", "session_bpr"} <= asked.keys() == again.keys()
    for source, ranked in asked.items():
        assert ranked.ids.tolist() == again[source].ids.tolist()
        assert ranked.scores.tolist() == again[source].scores.tolist()


def test_another_process_learns_the_same() -> None:
    """Neither hash seeds nor compiled caches reach the model."""
    program = textwrap.dedent(
        """
        import importlib.util, sys
        spec = importlib.util.spec_from_file_location("steps", sys.argv[1])
        steps = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(steps)
        print(steps.learned(steps.random_log(4, 400)).digest())
        """
    )
    run = subprocess.run([sys.executable, "-c", program, __file__], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == learned(random_log(4, 400)).digest()


def test_duplicates_change_nothing() -> None:
    """Source records that come again in the log are dropped; only the offset moves."""
    log = random_log(5, 400)
    model = Model(SMALL)
    taken = [model.learn_one(one, offset) for offset, one in enumerate(log[:300] + log[250:300] + log[300:])]
    assert taken.count(False) == 50
    assert model.offset == 449
    once = learned(log)
    once.offset = model.offset
    assert model.digest() == once.digest()


def test_offsets_of_another_epoch_are_other_records() -> None:
    """After the source was created anew its first records are learned, each once; so it is in a loaded model."""
    model = learned(step(offset) for offset in range(300))
    anew = step(7, origin=Origin(topic="clickstream.events", partition=0, offset=7, epoch=1))
    assert not model.learn_one(step(7), 300)
    assert model.learn_one(anew, 301)
    again = decode(encode(model), SMALL)
    assert not again.learn_one(anew, 302)
    assert again.learn_one(step(8, origin=anew.origin.model_copy(update={"offset": 8})), 303)


def test_marks_without_epochs_are_of_the_first() -> None:
    """What a model knew before epochs is known of epoch 0."""
    old = Watermark(keep=4)
    old.take(step(3).origin)
    state = old.state()
    fresh = Watermark(keep=4)
    fresh.restore(state | {"sources": packed([["clickstream.events", 0, -1]])})
    assert (fresh.above, fresh.marks) == (old.above, old.marks)


def test_candidates_are_sorted_finite_and_distinct() -> None:
    """Whatever was learned, each source gives finite scores, best first, ties by age, every item once."""
    model = learned(one for one in random_log(6, 2_000) if one.kind != "forget")
    seen = set()
    people = [*model.factors.users.names.numbers, *model.history.keys.numbers]
    for query in (QUERY, Query(items=(), session=None, key=""), *(QUERY._replace(key=key, cart=()) for key in people)):
        for source, scored in model.candidates(query, limit=20).items():
            seen.add(source)
            assert len(scored.ids) == len(set(scored.ids.tolist())) == len(scored.scores) <= 20
            assert np.isfinite(scored.scores).all()
            assert scored.scores.dtype == np.float32
            assert (np.diff(scored.scores) <= 0).all()
            assert all(model.names(scored))
    named = {"session", "session_knn", "covisitation", "transitions", "session_bpr", "popular", "factors", "basket_knn"}
    assert seen >= named


@pytest.mark.parametrize("kind", ["v", "u"])
def test_forget_leaves_no_trace(kind: str) -> None:
    """After `forget` no state holds the visitor or user, and nothing personal is found by it."""
    log = [one for one in random_log(7, 900) if one.kind != "forget"]
    model = learned(log)
    key = next(key for key in model.factors.users.names.numbers if key[0] == kind and key in model.history.keys.numbers)
    visitor = key if kind == "v" else "somebody"
    model.learn_one(step(5_000, "forget", visitor=visitor, user_id=key if key[0] == "u" else None, items=()), 5_000)
    assert key not in model.history.keys.numbers
    assert key not in model.factors.users.names.numbers
    assert hash63(key) not in model.session_knn.owners
    assert hash63(key) not in model.basket_knn.owners
    assert not any(name.startswith(f"{key}-") for name in model.session_knn.slots)
    assert f'"{key}"'.encode() not in encode(model)
    assert not {"history", "factors"} & set(model.candidates(QUERY._replace(key=key)))


def test_identify_moves_history_to_the_user() -> None:
    """What a visitor did before logging in is the user's afterwards."""
    model = learned([step(0, "cart", item="kettle"), step(1, "cart", item="mug")])
    model.learn_one(step(2, "identify", user_id="anna", items=()), 2)
    found = model.candidates(Query(items=(), session=None, key="anna"))
    assert set(model.names(found["history"])) == {"kettle", "mug"}
    assert "factors" in found
    assert "history" not in model.candidates(Query(items=(), session=None, key="v"))


def remembered(model: Model, key: str) -> set[str]:
    """Give the items of a person's history."""
    ids, _ = model.history.rank(key, 10)
    return {model.items.names[number] for number in ids.tolist()}


def test_a_user_first_told_by_any_event_is_an_identified_one() -> None:
    """A page view may have signed the visitor in, which writes no step: the next step's user takes everything over."""
    nobody = [step(0, "cart", item="kettle"), step(1, "cart", item="mug")]
    told = learned([*nobody, step(2, "view", item="sofa", user_id="anna")])
    assert remembered(told, "anna") == {"kettle", "mug", "sofa"}
    assert set(told.factors.users.names.numbers) == {"anna"}
    assert remembered(told, "v") == set()
    identified = learned([*nobody, step(2, "identify", user_id="anna", items=()), step(3, "view", item="sofa")])
    assert (told.session_knn.owners == identified.session_knn.owners).all()


def test_a_late_step_of_another_user_takes_nothing_over() -> None:
    """It belongs to no session of the visitor's; what the visitor did is whoever's signs in."""
    model = learned([step(0, "cart", item="kettle"), step(1, "view", item="mug", user_id="ben", session=None)])
    assert (remembered(model, "ben"), remembered(model, "v")) == ({"mug"}, {"kettle"})


@pytest.mark.parametrize("told_by", ["identify", "view"])
def test_forgetting_a_user_erases_what_they_did_on_a_device_now_anothers(told_by: str) -> None:
    """Two users of one visitor: each one's sessions, history and factors are their own."""
    second = ("identify", ()) if told_by == "identify" else ("view", (("lamp", 1.0),))
    model = learned(
        [
            step(0, "cart", item="kettle", session="early"),
            step(1, "cart", item="mug", session="annas", user_id="anna"),
            step(2, second[0], items=second[1], session="bens", user_id="ben"),
            step(3, "cart", item="sofa", session="bens", user_id="ben"),
        ]
    )
    model.learn_one(step(4, "forget", visitor="elsewhere", user_id="anna", items=()), 4)
    assert set(model.session_knn.slots) == {"bens"}
    assert hash63("anna") not in model.session_knn.owners
    assert b'"anna"' not in encode(model)
    assert "sofa" in remembered(model, "ben")


def test_forgetting_a_user_erases_sessions_whose_visitor_was_evicted_before_signing_in() -> None:
    """Nothing was left to hand over by then, but the ring still holds the session."""
    crowd = [step(offset, visitor=f"v{offset}", session=None) for offset in range(1, SMALL.people + 2)]
    model = learned([step(0, session="early"), *crowd, step(99, session="later", user_id="anna")])
    assert "early" in model.session_knn.slots
    model.learn_one(step(100, "forget", visitor="elsewhere", user_id="anna", items=()), 100)
    assert not model.session_knn.slots


def test_memory_is_bounded() -> None:
    """Ever new visitors and products do not grow the model past its caps."""
    model = Model(SMALL)
    for offset in range(6_000):
        model.learn_one(
            step(offset, "cart", item=f"i{offset}", visitor=f"v{offset}", context=((f"i{offset - 1}", 1.0),)), offset
        )
        if offset == 3_000:
            size = len(encode(model))
    assert len(model.items) <= SMALL.items
    assert len(model.history.keys) <= SMALL.people
    assert len(model.factors.users.names) <= SMALL.users
    assert len(model.session_knn.slots) <= SMALL.sessions
    assert len(encode(model)) < 1.2 * size


def junk(offset: int) -> LearningStep:
    """Look at, put in the cart or buy what no catalogue holds, after a product and more of the kind."""
    kind = ("view", "cart", "purchase")[offset % 3]
    context = (("p1", 1.0), (f"junk{offset - 1}", 1.0))
    return step(
        offset, kind, item=f"junk{offset}", visitor=f"v{offset}", context=context, cart=(f"junk{offset - 2}",),
        landing={"country": "NL"}, unknown=(0, 2, 3),
    )  # fmt: skip


def test_made_up_products_take_no_products_place() -> None:
    """However many ids no catalogue holds, products keep all they have; memory stays flat, followers stay equal."""
    products = [f"p{number}" for number in range(300)]
    log = [step(offset, "cart", item=item, landing={"country": "NL"}) for offset, item in enumerate(products)]
    model, other = learned(log), learned(log)
    counts = [model.count_of(product) for product in products]
    sizes = []
    for offset in range(len(log), len(log) + 4_000):
        model.learn_one(junk(offset), offset)
        other.learn_one(junk(offset), offset)
        if offset % 1_000 == 0:
            sizes.append(len(encode(model)))
    assert [model.count_of(product) for product in products] == counts
    assert set(model.factors.items.names.numbers) == set(products)
    assert {model.items.names[n] for n in model.landing.items_of("country=NL")} <= set(products)
    assert len(model.items) <= len(products) + SMALL.unknown_items
    assert max(sizes) < 1.2 * sizes[0]
    assert model.digest() == other.digest()


def test_a_product_that_becomes_known_moves_over() -> None:
    """Once the catalogue holds it a product is safe from made-up ones; one that is taken out is not any more."""
    model = learned([step(0, item="early", unknown=(0,)), step(1, item="gone"), step(2, item="early")])
    model.learn_one(step(3, item="other", context=(("gone", 1.0),), unknown=(1,)), 3)
    for offset in range(4, 1_000):
        model.learn_one(junk(offset), offset)
    assert model.count_of("early") == 2
    assert model.count_of("other") == 1
    assert model.count_of("gone") == 0


def test_clock_never_goes_back() -> None:
    """The model's clock is the running maximum of event times in log order."""
    model = learned([step(5), step(1)])
    assert model.clock_ms == 1_700_000_005_000


def test_unknown_training_rows_are_counted_and_ignored() -> None:
    """A row of another version, shape or content leaves the blend as it was."""
    model = Model(SMALL)
    empty = pack_features(np.zeros((2, 3), np.float32))
    for offset, row in enumerate(
        [
            TrainingRow(version="blend-0", rows=2, columns=3, features=empty),
            TrainingRow(version=model.blend.VERSION, rows=2, columns=3, features=empty),
            TrainingRow(version=model.blend.VERSION, rows=2, columns=len(FEATURES), features="!"),
        ]
    ):
        assert model.learn_one(step(offset, row=row), offset)
    assert model.blend.refused == 3
    assert model.blend.learned == 0


def test_snapshots_say_where_they_stand() -> None:
    """A snapshot's offset can be read without loading it."""
    assert offset_of(encode(learned(random_log(8, 50)))[:100_000]) == 49


@pytest.mark.parametrize("at", [0, 20, -40, -1])
def test_broken_snapshots_are_refused(at: int) -> None:
    """One flipped byte anywhere is one sentence, not half a model."""
    data = bytearray(encode(learned(random_log(9, 50))))
    data[at] ^= 0xFF
    with pytest.raises(RefusedError):
        decode(bytes(data), SMALL)


@pytest.mark.parametrize("data", [b"", b"aisle-model-1\n", b"nonsense" * 10])
def test_foreign_bytes_are_refused(data: bytes) -> None:
    """What is no snapshot is refused."""
    with pytest.raises(RefusedError):
        decode(data, SMALL)


def test_snapshots_of_other_rules_are_refused() -> None:
    """A model learned under other constants is not this model."""
    with pytest.raises(RefusedError, match="other model rules"):
        decode(encode(Model(SMALL)), ModelRules())


@pytest.mark.parametrize("name", ["blend/weights", "session_knn/postings", "session_bpr/vectors"])
def test_snapshots_of_other_versions_are_refused(name: str) -> None:
    """A whole snapshot whose arrays are not those of this version is one sentence too."""
    frozen = freeze(learned(random_log(11, 50)))
    for state in (
        {key: array for key, array in frozen.state.items() if key != name},
        {**frozen.state, name: frozen.state[name][:-1]},
    ):
        data = b"".join(pieces(frozen._replace(state=state)))
        with pytest.raises(RefusedError, match="another version"):
            decode(data, SMALL)


def test_warm_up_compiles_everything() -> None:
    """After the warm-up neither learning nor asking compiles anything."""
    program = textwrap.dedent(
        """
        import sys
        from models.blend import describe
        from models.warm_up import warm_up

        def compiled():
            modules = [vars(module) for name, module in sys.modules.items() if name.startswith("models.")]
            kernels = {kernel for names in modules for kernel in names.values() if hasattr(kernel, "signatures")}
            return {str(kernel): len(kernel.signatures) for kernel in kernels}

        warm_up()
        before = compiled()
        import importlib.util
        spec = importlib.util.spec_from_file_location("steps", sys.argv[1])
        steps = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(steps)
        model = steps.learned(steps.random_log(10, 900))
        model.blend.score(describe(model.candidates(steps.QUERY)).features)
        print(compiled() == before and len(before) > 10)
        """
    )
    run = subprocess.run([sys.executable, "-c", program, __file__], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "True"
