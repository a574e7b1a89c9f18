"""The recordings that come with the edge: ``LANGUAGE_NAME.wav``, 8 kHz A-law; `texts.toml` has what each says.

Spoken by espeak-ng, so that they can be made again by anybody: `make.py`. A community records its own over them.
"""
