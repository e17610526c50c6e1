#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Trains the model of backscatter_classifier: boosted decision trees, in plain Python. The same vectors give the same model.

usage: train.py [--judge FILE] TRAINING.csv >backscatter.model
"""

import argparse
import csv
import math
import sys

TREES = 40
DEPTH = 3
RATE = 0.3  # how much of what a tree says is believed
SMOOTH = 1.0  # added to the weights of a leaf: one of few vectors says little
LEAST = 8  # vectors in a leaf
PROTOCOLS = {'TCP': ('6',), 'ICMP': ('1', '58')}
# Shares of the flows. Sizes of packets, rates and durations tell the tools of the lab from each other better than floods from other traffic, so
# the model does not use them.
FEATURES = ('UNIQUE_DST_IPS/FLOW_COUNT', 'UNIQUE_DST_PORTS/FLOW_COUNT', 'UNIQUE_SRC_PORTS/FLOW_COUNT', 'UNIQUE_DST_24_SUBNETS/FLOW_COUNT',
            'SRC_PORT_1_COUNT/FLOW_COUNT', 'PPF_AVG')


def value(row, feature):
    """A feature of a vector."""
    name, _, divisor = feature.partition('/')
    return float(row[name]) / float(row[divisor]) if divisor else float(row[name])


def load(path, protocols):
    """Vectors and labels of these protocols."""
    with open(path, encoding='ascii', newline='') as file:
        rows = [row for row in csv.DictReader(file) if row['PROTOCOL'] in protocols]
    return [[value(row, feature) for feature in FEATURES] for row in rows], [int(row['LABEL']) for row in rows]


def probability(score):
    """Of a sum of leaves."""
    return 1 / (1 + math.exp(-score))


def leaf(rows, gradients, weights):
    """What the vectors of a leaf add to the score."""
    return RATE * math.fsum(gradients[row] for row in rows) / (math.fsum(weights[row] for row in rows) + SMOOTH)


def split(vectors, gradients, weights, rows):
    """The best (gain, feature, threshold); the gain is 0 when no split is better than none."""
    g_all, w_all = math.fsum(gradients[row] for row in rows), math.fsum(weights[row] for row in rows)
    best = (1e-6, None, None)
    for feature in range(len(FEATURES)):
        order = sorted(rows, key=lambda row: (vectors[row][feature], row))
        g = w = 0.0
        for number, row in enumerate(order[:-1], 1):
            g += gradients[row]
            w += weights[row]
            here, there = vectors[row][feature], vectors[order[number]][feature]
            if here == there or number < LEAST or len(order) - number < LEAST:
                continue
            gain = g * g / (w + SMOOTH) + (g_all - g) ** 2 / (w_all - w + SMOOTH) - g_all * g_all / (w_all + SMOOTH)
            if gain > best[0]:
                best = (gain, feature, (here + there) / 2)
    return best


def grow(vectors, gradients, weights, rows, depth):
    """A tree: a number, or (feature, threshold, tree up to the threshold, tree above it)."""
    _, feature, threshold = split(vectors, gradients, weights, rows) if depth > 0 else (0, None, None)
    if feature is None:
        return leaf(rows, gradients, weights)
    threshold = float(f'{threshold:.6g}')
    low = [row for row in rows if vectors[row][feature] <= threshold]
    high = [row for row in rows if vectors[row][feature] > threshold]
    return (feature, threshold, grow(vectors, gradients, weights, low, depth - 1), grow(vectors, gradients, weights, high, depth - 1))


def follow(tree, vector):
    """What a tree says of a vector."""
    while isinstance(tree, tuple):
        tree = tree[2 if vector[tree[0]] <= tree[1] else 3]
    return tree


def train(vectors, labels):
    """The bias and the trees."""
    rows = list(range(len(vectors)))
    share = sum(labels) / len(labels)
    bias = math.log(share / (1 - share))
    scores, trees = [bias] * len(rows), []
    for _ in range(TREES):
        chances = [probability(score) for score in scores]
        tree = grow(vectors, [label - chance for label, chance in zip(labels, chances)], [chance * (1 - chance) for chance in chances], rows, DEPTH)
        trees.append(tree)
        scores = [score + follow(tree, vector) for score, vector in zip(scores, vectors)]
    return bias, trees


def nodes(tree):
    """The lines of a tree: a node comes before the two trees below it."""
    if not isinstance(tree, tuple):
        return [f'leaf {tree:.6g}']
    low = nodes(tree[2])
    return [f'node {FEATURES[tree[0]]} {tree[1]:.6g} {1 + len(low)}'] + low + nodes(tree[3])


def judge(path, protocol, model):
    """Prints how the model does."""
    vectors, labels = load(path, PROTOCOLS[protocol])
    found = [probability(model[0] + math.fsum(follow(tree, vector) for tree in model[1])) > 0.99 for vector in vectors]
    hits = sum(label for label, hit in zip(labels, found) if hit)
    print(f'{protocol}: {len(labels)} vectors, {sum(labels)} of floods; {hits} found, {sum(found) - hits} false alerts', file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(prog='train.py', description='Trains the model of backscatter_classifier.')
    parser.add_argument('--judge', action='append', default=[], metavar='FILE', help='print how the model does on these vectors')
    parser.add_argument('training', help='vectors, as tests/lab/backscatter.py writes them')
    options = parser.parse_args()
    print('nemea-trees 1')
    print('# Model of backscatter_classifier; docs: README.md, "The model". Made by training/train.py.')
    for protocol, numbers in PROTOCOLS.items():
        model = train(*load(options.training, numbers))
        for path in options.judge:
            judge(path, protocol, model)
        print(f'\nmodel {protocol}\nbias {model[0]:.6g}')
        for tree in model[1]:
            lines = nodes(tree)
            print(f'tree {len(lines)}', *lines, sep='\n')


if __name__ == '__main__':
    main()
