"""Columns that only the holder of a key can read: a row's encrypted cells as one Fernet token beside typed nulls.

The key is the value of a saved Prefect Secret block. To change it, put the new key before the old one, separated by a
space: the first encrypts, every one decrypts.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import polars as pl
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from quality.engine.dtypes import col
from quality.errors import ConfigurationError, SourceError

TOKEN = "_dq_encrypted"
HOW = 'python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"'


def cipher(keys: str, secret: str) -> MultiFernet:
    """What encrypts and decrypts with the keys that a Secret block holds; ConfigurationError when it holds none."""
    try:
        return MultiFernet([Fernet(key) for key in keys.replace(",", " ").split()])
    except ValueError:
        raise ConfigurationError(f"the Secret block '{secret}' holds no Fernet key; one is printed by: {HOW}") from None


def encrypted(columns: Sequence[str], schema: pl.Schema, key: MultiFernet) -> tuple[pl.Expr, ...]:
    """The columns as nulls of their own dtype, and their values in one token for each row."""

    def tokens(cells: pl.Series) -> pl.Series:
        texts = (json.dumps(row, ensure_ascii=False) for row in cells.to_list())
        return pl.Series([key.encrypt(text.encode()) for text in texts], dtype=pl.Binary)

    cells = pl.struct(_as_text(column, schema[column]) for column in columns)
    token = cells.map_batches(tokens, return_dtype=pl.Binary(), is_elementwise=True).alias(TOKEN)
    return (*(pl.lit(None, dtype=schema[column]).alias(column) for column in columns), token)


def decrypted(rows: pl.DataFrame, key: MultiFernet, secret: str) -> pl.DataFrame:
    """The rows as they were before columns of them were encrypted; SourceError when the key is another one."""
    try:
        tokens = [None if token is None else json.loads(key.decrypt(token)) for token in rows[TOKEN]]
    except InvalidToken:
        raise SourceError(
            f"{rows.height:,} quarantined rows were encrypted with another key than the Secret block '{secret}' holds; "
            "add the earlier key behind the present one, after a space"
        ) from None
    names = dict.fromkeys(name for token in tokens if token for name in token)
    clear = []
    for name in names:
        texts = pl.Series(name, [(token or {}).get(name) for token in tokens], dtype=pl.String)
        clear.append(_of_text(texts, rows.schema[name]).fill_null(rows[name]))
    return rows.with_columns(clear).drop(TOKEN)


def _as_text(column: str, dtype: pl.DataType) -> pl.Expr:
    value = col(column)
    if dtype == pl.Binary:
        return value.bin.encode("base64")
    value = value.to_physical() if dtype.is_temporal() else value.cast(pl.Int8) if dtype == pl.Boolean else value
    return value.cast(pl.String)


def _of_text(text: pl.Series, dtype: pl.DataType) -> pl.Series:
    """What `_as_text` made text of."""
    if dtype == pl.Binary:
        return text.str.decode("base64")
    if dtype == pl.Boolean:
        return text.cast(pl.Int8).cast(dtype)
    if dtype.is_temporal():
        return text.cast(pl.Int32 if dtype == pl.Date else pl.Int64).cast(dtype)
    return text.cast(dtype)
