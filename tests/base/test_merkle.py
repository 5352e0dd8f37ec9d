"""Merkle trees: RFC 6962's published vectors, its recursive definitions as an oracle, and proofs made of tiles."""

from hashlib import sha256

import pytest
from hypothesis import given, strategies as st

from koudai.base import merkle
from koudai.base.merkle import EMPTY_ROOT, Node, Tiled, consistency_plan, in_tile, inclusion_plan, root_plan, tile_width

# google/certificate-transparency, cpp/merkletree/merkle_tree_test.cc: kInputs, kSHA256Roots, kSHA256Paths
# (leaves counted from 1), kSHA256Proofs; the nodes from transparency-dev/merkle, testonly/constants.go.
INPUTS = [
    bytes.fromhex(text)
    for text in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
NODES = {
    (0, 0): "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    (0, 1): "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
    (0, 2): "0298d122906dcfc10892cb53a73992fc5b9f493ea4c9badb27b791b4127a7fe7",
    (0, 3): "07506a85fd9dd2f120eb694f86011e5bb4662e5c415a62917033d4a9624487e7",
    (0, 4): "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    (0, 5): "4271a26be0d8a84f0bd54c8c302e7cb3a3b5d1fa6780a40bcce2873477dab658",
    (0, 6): "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
    (0, 7): "46f6ffadd3d06a09ff3c5860d2755c8b9819db7df44251788c7d8e3180de8eb1",
    (1, 0): "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    (1, 1): "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
    (1, 2): "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
    (1, 3): "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
    (2, 0): "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    (2, 1): "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    (3, 0): "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}
PATHS = [
    # leaf from 0, size, path
    (0, 1, []),
    (0, 8, [(0, 1), (1, 1), (2, 1)]),
    (5, 8, [(0, 4), (1, 3), (2, 0)]),
    (2, 3, [(1, 0)]),
    (1, 5, [(0, 0), (1, 1), (0, 4)]),
]
PROOFS = [
    # old size, new size, proof
    (1, 1, []),
    (1, 8, [(0, 1), (1, 1), (2, 1)]),
    (6, 8, [(1, 2), (1, 3), (2, 0)]),
    (2, 5, [(1, 1), (0, 4)]),
]
LEAVES = [merkle.leaf_hash(data) for data in INPUTS]


def published(nodes):
    return [bytes.fromhex(NODES[node]) for node in nodes]


def mth(data):
    """RFC 6962, 2.1, word for word."""
    if not data:
        return sha256(b"").digest()
    if len(data) == 1:
        return sha256(b"\x00" + data[0]).digest()
    k = split(len(data))
    return sha256(b"\x01" + mth(data[:k]) + mth(data[k:])).digest()


def split(n):
    """The largest power of two smaller than n."""
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def path(m, data):
    """RFC 6962, 2.1.1: PATH(m, D[n])."""
    if len(data) == 1:
        return []
    k = split(len(data))
    return [*path(m, data[:k]), mth(data[k:])] if m < k else [*path(m - k, data[k:]), mth(data[:k])]


def subproof(m, data, whole):
    """RFC 6962, 2.1.2: SUBPROOF(m, D[n], b)."""
    if m == len(data):
        return [] if whole else [mth(data)]
    k = split(len(data))
    if m <= k:
        return [*subproof(m, data[:k], whole), mth(data[k:])]
    return [*subproof(m - k, data[k:], False), mth(data[:k])]


def datas(size):
    return [b"leaf %d" % number for number in range(size)]


class Tiles:
    """Tiles of a log, each hash of them by the formula of C2SP tlog-tiles."""

    def __init__(self, data):
        self.data = data

    def tile(self, level, number):
        spans = [((number * 256 + i) * 256**level, (number * 256 + i + 1) * 256**level) for i in range(256)]
        return [mth(self.data[start:end]) for start, end in spans if end <= len(self.data)]

    def read(self, nodes):
        found = []
        for node in nodes:
            level, number, start, stop = in_tile(node)
            hashes = self.tile(level, number)[start:stop]
            assert len(hashes) == stop - start, f"{node} isn't in the log of {len(self.data)}"
            found.append(merkle.root(hashes))
        return found


@pytest.mark.parametrize("size", range(9))
def test_the_published_roots_come_out(size):
    assert merkle.root(LEAVES[:size]).hex() == ROOTS[size]
    assert root_plan(size).combine(Tiles(INPUTS[:size]).read(root_plan(size).needed)) == [bytes.fromhex(ROOTS[size])]


def test_the_published_nodes_come_out():
    assert [leaf.hex() for leaf in LEAVES] == [NODES[0, number] for number in range(8)]
    for (level, number), node in NODES.items():
        if level:
            assert merkle.node_hash(*published([(level - 1, 2 * number), (level - 1, 2 * number + 1)])).hex() == node


@pytest.mark.parametrize(("index", "size", "nodes"), PATHS)
def test_the_published_inclusion_proofs_come_out(index, size, nodes):
    plan = inclusion_plan(index, size)
    assert merkle.inclusion_path(index, LEAVES[:size]) == published(nodes)
    assert plan.combine(published(plan.needed)) == published(nodes)


@pytest.mark.parametrize(("old", "new", "nodes"), PROOFS)
def test_the_published_consistency_proofs_come_out(old, new, nodes):
    plan = consistency_plan(old, new)
    assert plan.combine(published(plan.needed)) == published(nodes)


@pytest.mark.parametrize("size", [*range(34), 63, 64, 65, 127, 128, 129, 255, 256, 257, 300])
def test_a_root_is_that_of_the_definition(size):
    data = datas(size)
    assert merkle.root([merkle.leaf_hash(item) for item in data]) == mth(data)


@given(st.integers(1, 300), st.data())
def test_an_inclusion_proof_is_that_of_the_definition(size, draw):
    index = draw.draw(st.integers(0, size - 1))
    data = datas(size)
    plan = inclusion_plan(index, size)
    assert merkle.inclusion_path(index, [merkle.leaf_hash(item) for item in data]) == path(index, data)
    assert plan.combine([mth(data[n << level : (n + 1) << level]) for level, n in plan.needed]) == path(index, data)


@given(st.integers(1, 300), st.data())
def test_a_consistency_proof_is_that_of_the_definition(new, draw):
    old = draw.draw(st.integers(1, new))
    data = datas(new)
    plan = consistency_plan(old, new)
    assert plan.combine([mth(data[n << level : (n + 1) << level]) for level, n in plan.needed]) == subproof(
        old, data, True
    )


@pytest.mark.parametrize("size", [1, 2, 7, 255, 256, 257, 511, 512, 600])
def test_proofs_can_be_made_of_tiles(size):
    data = datas(size)
    tiles = Tiles(data)
    whole = root_plan(size)
    assert whole.combine(tiles.read(whole.needed)) == [mth(data)]
    for other in sorted({0, 1, size // 3, size // 2, size - 1} & set(range(size))):
        plan = inclusion_plan(other, size)
        assert plan.combine(tiles.read(plan.needed)) == path(other, data)
        plan = consistency_plan(other, size)
        assert plan.combine(tiles.read(plan.needed)) == (subproof(other, data, True) if other else [])


def test_an_empty_tree_has_the_hash_of_nothing_and_grows_without_a_proof():
    assert merkle.root([]) == EMPTY_ROOT == sha256(b"").digest()
    assert root_plan(0).combine([]) == [EMPTY_ROOT]
    for sizes in ((0, 0), (0, 9), (9, 9)):
        assert consistency_plan(*sizes).needed == ()
        assert consistency_plan(*sizes).combine([]) == []


@given(st.integers(1, 2**63 - 1), st.data())
def test_a_proof_in_a_log_of_any_size_needs_few_subtrees_each_within_the_log(size, draw):
    other = draw.draw(st.integers(0, size - 1))
    for plan in (inclusion_plan(other, size), consistency_plan(other, size), root_plan(size)):
        assert len(plan.needed) <= 2 * size.bit_length()
        assert len(set(plan.needed)) == len(plan.needed) == sum(plan.folds)
        assert all((number + 1) << level <= size for level, number in plan.needed)
        assert len(plan.combine([b"%32d" % i for i in range(len(plan.needed))])) == len(plan.folds) <= 64


@pytest.mark.parametrize(
    ("node", "tiled"),
    [
        (Node(0, 0), Tiled(0, 0, 0, 1)),
        (Node(0, 255), Tiled(0, 0, 255, 256)),
        (Node(0, 256), Tiled(0, 1, 0, 1)),
        (Node(1, 127), Tiled(0, 0, 254, 256)),
        (Node(7, 1), Tiled(0, 0, 128, 256)),
        (Node(7, 3), Tiled(0, 1, 128, 256)),
        (Node(8, 0), Tiled(1, 0, 0, 1)),
        (Node(8, 300), Tiled(1, 1, 44, 45)),
        (Node(15, 1), Tiled(1, 0, 128, 256)),
        (Node(16, 0), Tiled(2, 0, 0, 1)),
        (Node(17, 200), Tiled(2, 1, 144, 146)),
    ],
)
def test_a_subtree_is_hashed_from_neighbours_in_one_tile(node, tiled):
    assert in_tile(node) == tiled


def test_a_tree_is_tiled_as_in_the_example_of_the_specification():
    assert [tile_width(0, number, 70_000) for number in (0, 272, 273, 274)] == [256, 256, 112, 0]
    assert [tile_width(1, number, 70_000) for number in (0, 1, 2)] == [256, 17, 0]
    assert [tile_width(2, number, 70_000) for number in (0, 1)] == [1, 0]
    assert [tile_width(level, 0, 256) for level in (0, 1, 2)] == [256, 1, 0]


@pytest.mark.parametrize(
    "ask",
    [
        lambda: inclusion_plan(0, 0),
        lambda: inclusion_plan(5, 5),
        lambda: inclusion_plan(-1, 5),
        lambda: merkle.inclusion_path(2, LEAVES[:2]),
        lambda: merkle.inclusion_path(-1, LEAVES),
        lambda: consistency_plan(6, 5),
        lambda: consistency_plan(-1, 5),
        lambda: inclusion_plan(1, 8).combine([]),
        lambda: inclusion_plan(1, 8).combine([EMPTY_ROOT] * 4),
    ],
)
def test_what_no_tree_has_is_refused(ask):
    with pytest.raises(ValueError, match=r"leaf|grow|needed"):
        ask()
