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
def _predict(latents: np.ndarray, biases: np.ndarray, live: np.ndarray, user: np.ndarray, base: float) -> np.ndarray:
    """Predict for all live items, each row summed in eight fixed lanes (fast, and no result depends on its company)."""
    scores = np.empty(len(live), np.float32)
    for t in range(len(live)):
        row = live[t]
        a = b = c = d = e = g = h = i = np.float32(0.0)
        for f in range(0, latents.shape[1], 8):
            a += latents[row, f] * user[f]
            b += latents[row, f + 1] * user[f + 1]
            c += latents[row, f + 2] * user[f + 2]
            d += latents[row, f + 3] * user[f + 3]
            e += latents[row, f + 4] * user[f + 4]
            g += latents[row, f + 5] * user[f + 5]
            h += latents[row, f + 6] * user[f + 6]
            i += latents[row, f + 7] * user[f + 7]
        scores[t] = base + biases[row] + (((a + b) + (c + d)) + ((e + g) + (h + i)))
    return scores


@compiled
def _best(scores: np.ndarray, live: np.ndarray, limit: int) -> tuple[np.ndarray, np.ndarray]:
    ids = np.empty(len(live), np.int32)
    count = 0
    for t in range(len(live)):
        if scores[t] > 0.0:
            ids[count] = live[t]
            scores[count] = scores[t]
            count += 1
    return top_n(ids, scores, count, limit)


class _Latents:
    """What River takes for its dict of vectors: `[row]` is a view into one matrix, and nothing is made by looking."""

    def __init__(self, k: int) -> None:
        self.matrix = np.zeros((START_ROWS, k), np.float32)

    def __getitem__(self, row: int) -> np.ndarray:
        return self.matrix[row]

    def __setitem__(self, row: int, vector: np.ndarray) -> None:
        self.matrix[row] = vector


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
        cap = self.names.cap
        self.latents.matrix = grown(self.latents.matrix, row + 1, cap)
        self.biases.vector = grown(self.biases.vector, row + 1, cap)
        _draw(random, self.latents.matrix[row], 0.1 * 3.0**0.5)
        return row

    def forget(self, name: str) -> None:
        row = self.names.remove(name)
        if row >= 0:
            self._clear(row)

    def _clear(self, row: int) -> None:
        self.latents.matrix[row] = 0.0
        self.biases.vector[row] = 0.0

    def live(self) -> np.ndarray:
        """Return the rows in use, int64, ascending."""
        used = np.ones(self.names.rows, np.bool_)
        used[self.names.free] = False
        return np.flatnonzero(used)

    def state(self) -> State:
        rows = self.names.rows
        return {
            **prefixed("names", self.names.state()),
            "latents": self.latents.matrix[:rows],
            "biases": self.biases.vector[:rows],
        }

    def restore(self, state: State) -> None:
        self.names.restore(part("names", state))
        self.latents.matrix = grown(state["latents"].copy(), START_ROWS, max(START_ROWS, self.names.cap))
        self.biases.vector = grown(state["biases"].copy(), START_ROWS, max(START_ROWS, self.names.cap))


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
        live = self.items.live()
        base = self._river.global_mean.get() + self.users.biases[user]
        scores = _predict(self.items.latents.matrix, self.items.biases.vector, live, self.users.latents[user], base)
        rows, best = _best(scores, live, limit)
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
