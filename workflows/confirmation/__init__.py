"""Supplier confirmation: what a supplier says to an order, from its sending to its last line.

    calendars   what working time is            confirming  the process of one order, which is
    policies    who has how long; tolerances      case      what it knows,
    words       what is said, and what came       answering, deciding: what it does
    facts       the order as systems have it    speaking    the process of one word
    judging     promises held against lines     desk        takes words of callers
    systems     what systems are told, once     hearing     takes words of systems

A word - a supplier's answer, a buyer's decision - is a small process of its own, so that it is
neither lost nor counted twice; it is heard by the process of its order, one word after the other.
"""
