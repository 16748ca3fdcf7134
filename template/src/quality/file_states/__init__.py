"""States: what rules measured of each file, kept, merged, and judged as if the whole had been read in one pass.

A check of many files asks each file for its state once. A state is known by what shaped it: the file's version, the
code that read and measured it, and the expressions that were measured. What only judges is no part of that: a severity,
a rate, or a bound of a table rule is changed without reading a row. What has no state of its own reads the whole.
"""
