"""Long-term taste: River's matrix factorization over arrays of our own."""

from typing import Any

import numpy as np

from models.items import Registry, State, part, prefixed
from models.kernel import compiled, grown, next_random, top_n

START_ROWS = 64


@compiled
def _draw(state: np.ndarray, out: np.ndarray, half_width: float) -> None:
    for f in range(len(out)):
        out[f] = np.float32((next_random(state) / 4611686018427387904.0 - 1.0) * half_width)


@compiled
def _draw_below(state: np.ndarray, bound: int) -> np.int64:
    return next_random(state) % bound


@compiled
def _predict(latents: np.ndarray, biases: np.ndarray, user: np.ndarray, base: float) -> np.ndarray:
    """Predict for all rows; factor by factor, so that the loop over rows is vector code and keeps each row's order."""
    scores = np.empty(len(biases), np.float32)
    for row in range(len(biases)):
        scores[row] = base + biases[row]
    for f in range(len(user)):
        for row in range(len(biases)):
            scores[row] += latents[f, row] * user[f]
    return scores


@compiled
def _best(scores: np.ndarray, live: np.ndarray, limit: int) -> tuple[np.ndarray, np.ndarray]:
    ids = np.empty(len(scores), np.int32)
    count = 0
    for row in range(len(scores)):
        if live[row] and scores[row] > 0.0:
            ids[count] = row
            scores[count] = scores[row]
            count += 1
    return top_n(ids, scores, count, limit)


class _Latents:
    """What River takes for its dict of vectors: `[row]` is a view into one matrix, and nothing is made by looking.

    The matrix is float32, shape (k, rows): ranking reads it factor by factor.
    """

    def __init__(self, k: int) -> None:
        self.matrix = np.zeros((k, START_ROWS), np.float32)

    def __getitem__(self, row: int) -> np.ndarray:
        return self.matrix[:, row]

    def __setitem__(self, row: int, vector: np.ndarray) -> None:
        self.matrix[:, row] = vector


class _Biases:
    """What River takes for its dict of biases."""

    def __init__(self) -> None:
        self.vector = np.zeros(START_ROWS)

    def __getitem__(self, row: int) -> float:
        return float(self.vector[row])

    def __setitem__(self, row: int, value: float) -> None:
        self.vector[row] = value


class _Side:
    """One side of the factorization: names, vectors, biases."""

    def __init__(self, cap: int, k: int) -> None:
        self.names = Registry(cap)
        self.live = np.zeros(START_ROWS, np.bool_)
        self.latents = _Latents(k)
        self.biases = _Biases()

    def intern(self, name: str, random: np.ndarray) -> int:
        """Return the row of a name; a new one starts at random within +-0.17 (standard deviation 0.1)."""
        row = self.names.get(name)
        if row >= 0:
            return self.names.intern(name)
        for gone in self.names.make_room(1).tolist():
            self._clear(gone)
        row = self.names.intern(name)
        self._grow(row + 1)
        self.live[row] = True
        _draw(random, self.latents[row], 0.1 * 3.0**0.5)
        return row

    def forget(self, name: str) -> None:
        row = self.names.remove(name)
        if row >= 0:
            self._clear(row)

    def _clear(self, row: int) -> None:
        self.live[row] = False
        self.latents[row][:] = 0.0
        self.biases[row] = 0.0

    def _grow(self, rows: int) -> None:
        if rows > len(self.live):
            cap = max(rows, self.names.cap)
            self.live = grown(self.live, rows, cap)
            self.biases.vector = grown(self.biases.vector, rows, cap)
            bigger = np.zeros((len(self.latents.matrix), len(self.live)), np.float32)
            bigger[:, : self.latents.matrix.shape[1]] = self.latents.matrix
            self.latents.matrix = bigger

    def state(self) -> State:
        rows = self.names.rows
        return {
            **prefixed("names", self.names.state()),
            "latents": self.latents.matrix[:, :rows],
            "biases": self.biases.vector[:rows],
        }

    def restore(self, state: State) -> None:
        self.names.restore(part("names", state))
        rows = self.names.rows
        self._grow(rows)
        self.latents.matrix[:, :rows] = state["latents"]
        self.biases.vector[:rows] = state["biases"]
        self.live[:rows] = [bool(name) for name in self.names.names]


class Factors:
    """People x items by River's `reco.BiasedMF`, learned from strong events with sampled negatives.

    Positives alone teach it nothing: each is followed by `negatives` items drawn uniformly with target 0. The learning
    is River's own code, working on views into our matrices, so that all items are ranked in one pass.

    Args:
        cap_items: most items.
        cap_users: most people.
        k: length of the vectors, a multiple of 8.
        negatives: per positive.
        latent_lr: SGD step of the vectors.
        bias_lr: SGD step of the biases.
        seed: of the generator, which is part of the state; not 0.
    """

    def __init__(
        self, *, cap_items: int, cap_users: int, k: int, negatives: int, latent_lr: float, bias_lr: float, seed: int
    ) -> None:
        self.users = _Side(cap_users, k)
        self.items = _Side(cap_items, k)
        self.negatives = negatives
        self._random = np.array([seed], np.uint64)
        self._river = _biased_mf(k, latent_lr, bias_lr, self.users, self.items)

    def learn_one(self, key: str, item: str) -> None:
        """Learn that a person wanted an item."""
        user = self.users.intern(key, self._random)
        wanted = self.items.intern(item, self._random)
        self._river.learn_one(user, wanted, 1.0)
        for _ in range(self.negatives if len(self.items.names) > 1 else 0):
            other = self._other_than(wanted)
            if other >= 0:
                self._river.learn_one(user, other, 0.0)

    def _other_than(self, wanted: int) -> int:
        names = self.items.names
        for _ in range(8):
            row = int(_draw_below(self._random, names.rows))
            if row != wanted and names.names[row]:
                return row
        return -1

    def rank(self, key: str, limit: int) -> tuple[list[str], np.ndarray]:
        """Return items and predictions (float32, > 0), best first; nothing for a person it does not know."""
        user = self.users.names.get(key)
        if user < 0:
            return [], np.empty(0, np.float32)
        base = self._river.global_mean.get() + self.users.biases[user]
        taste = np.ascontiguousarray(self.users.latents[user])
        scores = _predict(self.items.latents.matrix, self.items.biases.vector, taste, base)
        rows, best = _best(scores, self.items.live, limit)
        names = self.items.names.names
        return [names[row] for row in rows.tolist()], best

    def identify(self, visitor: str, user: str) -> None:
        """Hand a visitor's vector to the user, unless the user has one."""
        if visitor == user or self.users.names.get(visitor) < 0:
            return
        if self.users.names.get(user) < 0:
            self.users.names.rename(visitor, user)
        else:
            self.users.forget(visitor)

    def forget(self, key: str) -> None:
        """Erase a person."""
        self.users.forget(key)

    def state(self) -> State:
        """Return what decides predictions."""
        mean = self._river.global_mean
        return {
            **prefixed("users", self.users.state()),
            **prefixed("items", self.items.state()),
            "mean": np.array([mean.n, mean._mean]),  # noqa: SLF001  River's mean has no other way in
            "random": self._random,
        }

    def restore(self, state: State) -> None:
        """Take over a state that `state` returned."""
        self.users.restore(part("users", state))
        self.items.restore(part("items", state))
        mean = self._river.global_mean
        mean.n, mean._mean = state["mean"].tolist()  # noqa: SLF001
        self._random[:] = state["random"]


def _biased_mf(k: int, latent_lr: float, bias_lr: float, users: _Side, items: _Side) -> Any:
    from river import optim, reco

    model = reco.BiasedMF(n_factors=k, latent_optimizer=optim.SGD(latent_lr), bias_optimizer=optim.SGD(bias_lr), seed=1)
    model.u_latents, model.i_latents = users.latents, items.latents
    model.u_biases, model.i_biases = users.biases, items.biases
    return model
