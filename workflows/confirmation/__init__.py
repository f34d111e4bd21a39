"""Supplier confirmation: what a supplier says to an order, from its sending to its last line.

    calendars   what working time is            systems    what systems are told, each once
    policies    who has how long; tolerances    confirming the process of one order
    words       what is said, and what came     speaking   the process of one word
    facts       the order as systems have it    desk       takes words of callers
    judging     promises held against lines     hearing    takes words of systems

A word - a supplier's answer, a buyer's decision - is a small process of its own, so that it is
neither lost nor counted twice; it is heard by the process of its order, one word after the other.
"""
