"""The labelled sentences are fit to learn from and to measure on."""

from __future__ import annotations

import re
from collections import Counter

from rulegate.demo.sentences import DOMAIN_TOPICS, Sentence, read_sentences, split

SENTENCES = read_sentences()
SPLIT = split(SENTENCES)


def words(sentence: Sentence) -> frozenset[str]:
    return frozenset(re.findall(r"[a-z']+", sentence.text.lower()))


def test_there_are_at_least_four_hundred_and_no_two_are_the_same():
    assert len(SENTENCES) >= 400
    assert len({sentence.text.lower() for sentence in SENTENCES}) == len(SENTENCES)


def test_each_topic_is_half_positive_and_half_negative():
    count = Counter((sentence.topic, sentence.label) for sentence in SENTENCES)
    topics = {sentence.topic for sentence in SENTENCES}
    assert topics > DOMAIN_TOPICS
    assert set(count) == {(topic, label) for topic in topics for label in ("positive", "negative")}
    assert all(count[topic, "positive"] == count[topic, "negative"] for topic in topics)


def test_each_is_a_plain_sentence_on_one_line():
    for each in SENTENCES:
        assert re.fullmatch(r"[A-Z][A-Za-z0-9 ,'-]+\.", each.text), each.text


def test_learning_and_measuring_share_no_sentence_and_leave_none_out():
    assert sorted(SPLIT.train + SPLIT.held_out, key=SENTENCES.index) == list(SENTENCES)
    assert len(SPLIT.held_out) > len(SENTENCES) / 6


def test_both_parts_are_balanced():
    for part in (SPLIT.train, SPLIT.held_out):
        labels = Counter(sentence.label for sentence in part)
        assert labels["positive"] == labels["negative"]


def test_the_split_is_the_same_each_time():
    assert split(read_sentences()) == SPLIT


def test_no_held_out_sentence_has_a_near_duplicate_among_those_to_learn_from():
    """Near: more than half of all their words are in both."""
    learnt = [words(sentence) for sentence in SPLIT.train]
    for sentence in SPLIT.held_out:
        own = words(sentence)
        assert max(len(own & other) / len(own | other) for other in learnt) <= 0.5, sentence.text
