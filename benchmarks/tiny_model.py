"""A model of 700 KB that does as it is told: Qwen2's shape, weights set by hand, bytes for tokens.

Its chat template (`tiny_model.jinja`) works out what is to be said next: the next step of the plan
that the prompt shows, in the protocol's form, or the task's own words where it shows none. It
leaves that text, padded to `ROOM` tokens, right before the model's turn. The one attention layer
looks back by exactly `LOOK_BACK` tokens and copies what stands there. So a real inference server
serves it like any other model, and it plays an `optimal` prompt without a mistake.

How it copies: queries and keys are constants, from the biases that Qwen2 has, so after the rotary
embedding (Su et al. 2021, arXiv:2104.09864) the score of two positions depends on their distance
alone, with its one peak at `LOOK_BACK`. A value is the code of the token that stands there; the
output layer looks up whose code that is.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

Weights = dict[str, np.ndarray[Any, np.dtype[np.float32]]]

CODE = 64  # dimensions of a token's code; a hidden state holds the token's own, then the copied one
HIDDEN = 2 * CODE
INNER = 64  # of the feed-forward layer, which adds nothing but work
ROPE_BASE = 10.0  # every frequency is high, so that neighbours are told apart
SHARPNESS = 10.0  # of the peak: a neighbour's score lies 60 below it
NORM_EPS = 1e-6

BEGIN, END, NOTHING = "<|im_start|>", "<|im_end|>", "<|endoftext|>"
SPECIAL = (NOTHING, BEGIN, END)
BYTES = 256
VOCABULARY = 320  # the bytes, the special tokens, and unused ones

OPENING = "assistant\n"  # of the model's turn, after BEGIN
ROOM = 480  # tokens for what is to be said, its END, and the BEGIN after it
LOOK_BACK = ROOM + len(OPENING) - 1  # from the opening's last token to the first of what is said
SHOWN = 400  # characters of each message: the template reads on, the model need not
_TEMPLATE = Path(__file__).with_suffix(".jinja")


def template() -> str:
    """The chat template, with the constants that it names."""
    named = {
        "BEGIN": BEGIN, "END": END, "OPENING": OPENING, "BLANKS": " " * (ROOM - 2), "SHOWN": SHOWN,
    }  # fmt: skip
    constants = (f"{{%- set {name} = {json.dumps(value)} -%}}\n" for name, value in named.items())
    return "".join(constants) + _TEMPLATE.read_text()


def tokens() -> list[str]:
    """The vocabulary: GPT-2's printable stand-ins for the bytes, then the special tokens."""
    plain = {*range(33, 127), *range(161, 173), *range(174, BYTES)}
    others = iter(range(BYTES, 2 * BYTES))
    written = [chr(byte if byte in plain else next(others)) for byte in range(BYTES)]
    unused = (f"<|unused_{n}|>" for n in range(VOCABULARY - BYTES - len(SPECIAL)))
    return [*written, *SPECIAL, *unused]


def weights(inner: int = INNER, seed: int = 0) -> Weights:
    """All tensors under the names that transformers gives them."""
    codes = np.random.default_rng(seed).choice([-1.0, 1.0], (VOCABULARY, CODE))
    blank = np.zeros_like(codes)
    frequencies = ROPE_BASE ** (-np.arange(HIDDEN // 2) / (HIDDEN // 2))
    angles = LOOK_BACK * frequencies
    nothing = np.zeros((HIDDEN, HIDDEN))
    take, put = nothing.copy(), nothing.copy()
    take[:CODE, :CODE] = np.eye(CODE)  # a token's own code is the value ...
    put[CODE:, :CODE] = np.eye(CODE)  # ... and the copied code of who looks at it
    layer = {
        "self_attn.q_proj.weight": nothing,
        "self_attn.q_proj.bias": SHARPNESS * np.concatenate([np.cos(angles), -np.sin(angles)]),
        "self_attn.k_proj.weight": nothing,
        "self_attn.k_proj.bias": SHARPNESS * np.repeat([1.0, 0.0], HIDDEN // 2),
        "self_attn.v_proj.weight": take,
        "self_attn.v_proj.bias": np.zeros(HIDDEN),
        "self_attn.o_proj.weight": put,
        "input_layernorm.weight": np.ones(HIDDEN),
        "post_attention_layernorm.weight": np.ones(HIDDEN),
        "mlp.gate_proj.weight": np.zeros((inner, HIDDEN)),
        "mlp.up_proj.weight": np.zeros((inner, HIDDEN)),
        "mlp.down_proj.weight": np.zeros((HIDDEN, inner)),
    }
    found = {
        "model.embed_tokens.weight": np.hstack([codes, blank]),
        **{f"model.layers.0.{name}": tensor for name, tensor in layer.items()},
        "model.norm.weight": np.ones(HIDDEN),
        "lm_head.weight": np.hstack([blank, codes]),
    }
    return {name: tensor.astype(np.float32) for name, tensor in found.items()}


def write_gguf(path: Path, *, inner: int = INNER, context: int = 32_768) -> None:
    """The model as one file for llama.cpp; needs the package gguf.

    `inner` is the width of the feed-forward layer: each thousand adds 1.5 MB to read per token.
    """
    import gguf  # noqa: PLC0415  for this format alone

    arch = gguf.MODEL_ARCH.QWEN2
    writer = gguf.GGUFWriter(path, gguf.MODEL_ARCH_NAMES[arch])
    writer.add_context_length(context)
    writer.add_embedding_length(HIDDEN)
    writer.add_block_count(1)
    writer.add_feed_forward_length(inner)
    writer.add_head_count(1)
    writer.add_head_count_kv(1)
    writer.add_rope_freq_base(ROPE_BASE)
    writer.add_layer_norm_rms_eps(NORM_EPS)
    _add_tokenizer(writer)
    names = gguf.get_tensor_name_map(arch, 1)
    for name, tensor in weights(inner).items():
        known = names.get_name(name, (".weight", ".bias"))
        assert known is not None, name  # noqa: S101  Qwen2 has them all
        writer.add_tensor(known, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_tokenizer(writer: Any) -> None:
    import gguf  # noqa: PLC0415  for this format alone

    kinds = [gguf.TokenType.NORMAL] * BYTES + [gguf.TokenType.CONTROL] * (VOCABULARY - BYTES)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens())
    writer.add_token_types(kinds)
    writer.add_token_merges(
        [f"{tokens()[0]} {tokens()[0]}"]
    )  # llama.cpp wants one; never in a text
    writer.add_eos_token_id(tokens().index(END))
    writer.add_pad_token_id(tokens().index(NOTHING))
    writer.add_add_bos_token(False)  # noqa: FBT003  its own signature
    writer.add_chat_template(template())


def write_folder(folder: Path, *, inner: int = INNER, context: int = 32_768) -> None:
    """The same model as a folder for transformers."""
    folder.mkdir(parents=True, exist_ok=True)
    ends = {"eos_token_id": tokens().index(END), "pad_token_id": tokens().index(NOTHING)}
    files = {
        "config.json": _config(inner, context) | ends,
        "generation_config.json": {"do_sample": False} | ends,
        "tokenizer.json": _tokenizer(),
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "eos_token": END,
            "pad_token": NOTHING,
            "model_max_length": context,
            "chat_template": template(),
        },
    }
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content))
    _write_safetensors(folder / "model.safetensors", weights(inner))


def _config(inner: int, context: int) -> dict[str, Any]:
    return {
        "architectures": ["Qwen2ForCausalLM"],
        "model_type": "qwen2",
        "vocab_size": VOCABULARY,
        "hidden_size": HIDDEN,
        "intermediate_size": inner,
        "num_hidden_layers": 1,
        "num_attention_heads": 1,
        "num_key_value_heads": 1,
        "max_position_embeddings": context,
        "rope_theta": ROPE_BASE,
        "rms_norm_eps": NORM_EPS,
        "tie_word_embeddings": False,
        "torch_dtype": "float32",
    }


def _tokenizer() -> dict[str, Any]:
    """One token for each byte, and the special ones."""
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False}
    vocabulary = {token: n for n, token in enumerate(tokens())}
    plain = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    special = [{"id": vocabulary[t], "content": t, "special": True} | plain for t in SPECIAL]
    return {
        "version": "1.0",
        "added_tokens": special,
        "pre_tokenizer": byte_level | {"use_regex": False},
        "decoder": byte_level,
        "model": {"type": "BPE", "vocab": vocabulary, "merges": []},
    }


def _write_safetensors(path: Path, tensors: Weights) -> None:
    """A header of names, shapes and offsets with its length before it, then all the data."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, tensor in tensors.items():
        start, end = end, end + tensor.nbytes
        header[name] = {"dtype": "F32", "shape": tensor.shape, "data_offsets": [start, end]}
    said = json.dumps(header).encode()
    data = (tensor.tobytes() for tensor in tensors.values())
    path.write_bytes(b"".join([len(said).to_bytes(8, "little"), said, *data]))
