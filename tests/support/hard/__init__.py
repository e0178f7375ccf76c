"""An AWS that does not forgive: a proxy that does what AWS does and emulators do not, each behaviour by itself.

``protocol`` understands requests and answers, ``world`` remembers what was written when, ``behaviour`` says what a
behaviour is, the modules of ``families`` hold them, and ``server`` puts them between a client and an emulator.
"""
