// A lab on every rung that the machine offers; a PID namespace is asked for on top of what there is.
#pragma once

#include <gtest/gtest.h>

#include <memory>

#include "lab.h"
#include "needs.h"

namespace holdfast::custody {

class OnRung : public ::testing::TestWithParam<Rung> {
 protected:
  OnRung() : lab(GetParam() != Rung::tree) { lab.pidns = GetParam() == Rung::pidns; }
  void SetUp() override {
    const auto& offered = lab.custodian->rung();
    HOLDFAST_NEEDS("pidns", !lab.pidns || offered.no_pidns.empty(), offered.no_pidns);
    HOLDFAST_NEEDS("leaf", lab.pidns || offered.rung == GetParam(), offered.reason);
  }
  bool stop(const std::shared_ptr<Tree>& tree) { return lab.run(lab.custodian->stop(tree, "test")); }
  Lab lab;
};

}  // namespace holdfast::custody
