"""The installer's commands, a file a group; `cli` imports each only when it is used, so that `edge --help` is quick.

A command parses, calls one function, prints, and returns an exit code.
"""
