"""What `make matrix` writes and compares: a worse cell must be seen, and a table read again is the same."""

import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts/matrix"))
import tables  # noqa: E402


def report(**left):
    """A gtest report with a case for each NAME=number; None: skipped."""
    cases = [{"name": f"nothing/{name}"} | ({} if count is None else {"left": str(count), "why": "known" if count else ""})
             for name, count in left.items()]
    return {"testsuites": [{"testsuite": cases}]}


def document(cells):
    empty = f"before\n{tables.begin('x')}\n{tables.END}\nafter\n"
    return tables.replace(empty, "x", tables.table(cells))


class Tables(unittest.TestCase):
    def cells(self, **left):
        return tables.cells_of(report(**left))

    def test_a_zero_on_every_rung_is_one_zero(self):
        text = tables.table(self.cells(deaf_leaf_cancel=0, deaf_tree_cancel=0))
        self.assertIn("| deaf | 0 |", text)

    def test_who_is_left_is_told_by_rung_with_the_reason(self):
        text = tables.table(self.cells(deaf_leaf_one_stroke=0, deaf_tree_one_stroke=2))
        self.assertIn("| deaf | 0 · **2** (a) |", text)
        self.assertIn("(a) known.", text)

    def test_a_rung_that_was_not_played_is_no_zero(self):
        self.assertIn("| deaf | 0 · - |", tables.table(self.cells(deaf_leaf_cancel=0, deaf_pidns_cancel=None)))

    def test_an_ordinary_users_rung_is_not_taken_for_roots(self):
        self.assertEqual({"user_pidns": (0, "")}, self.cells(deaf_user_pidns_cancel=0)["deaf", "cancel"])

    def test_a_worse_cell_is_named_and_a_better_one_is_not(self):
        good = document(self.cells(deaf_leaf_cancel=0, deaf_tree_cancel=0, polite_leaf_cancel=3))
        bad = document(self.cells(deaf_leaf_cancel=0, deaf_tree_cancel=1, polite_leaf_cancel=2))
        found = tables.worse(tables.numbers_in(good, "x"), tables.numbers_in(bad, "x"))
        self.assertEqual(["deaf, column 1: 0 -> 1"], found)

    def test_what_stands_around_the_table_stays(self):
        text = document(self.cells(deaf_leaf_cancel=0))
        self.assertTrue(text.startswith("before\n") and text.endswith("\nafter\n"))

    def test_a_failed_case_is_a_failure(self):
        bad = {"testsuites": [{"testsuite": [{"name": "a/b", "failures": [{"failure": "x"}]}, {"name": "a/c"}]}]}
        self.assertEqual(["b"], tables.failures_of(bad))


if __name__ == "__main__":
    unittest.main()
