// SPDX-License-Identifier: LGPL-2.1-or-later
// A small hypervisor with one domain, for tests of what fakexen does with frames.
#pragma once

#include "tests/fakexen/host/hypervisor.hpp"
#include "tests/fakexen/host/pte.hpp"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace fakexen {

class HypervisorTest : public ::testing::Test {
protected:
    explicit HypervisorTest(const HypervisorConfig& wanted = config())
        : xen{wanted, log_}, domain{make_domain()}
    {
    }

    /// A domain with one vCPU and room for 512 pages.
    Domain& make_domain()
    {
        xen_domctl_createdomain wanted = {};
        wanted.max_vcpus = 1;
        wanted.max_grant_frames = 20;
        wanted.grant_opts = XEN_DOMCTL_GRANT_version(2);
        const int id = xen.create_domain(0, wanted);
        Domain& made = *xen.domain(static_cast<std::uint64_t>(id));
        made.max_pages = 512;
        xen.create_vcpus(made);
        return made;
    }

    /// A zeroed page of a domain.
    Mfn page(Domain& owner)
    {
        const Mfn mfn = xen.add_page(owner, next_pfn_++).value();
        for (std::uint64_t& entry : xen.machine.entries(mfn)) {
            entry = 0;
        }
        return mfn;
    }
    Mfn page() { return page(domain); }

    void set(Mfn table, unsigned slot, Mfn target, std::uint64_t flags = pte::present | pte::user)
    {
        xen.machine.entries(table)[slot] = pte::make(target, flags);
    }

    FrameState& frame(Mfn mfn) { return xen.machine.frame(mfn); }

    /// L4 → L3 → L2 → L1 → data, each by slot 5.
    struct Tree {
        Mfn l4, l3, l2, l1, content;
    };
    Tree tree(std::uint64_t flags = pte::present | pte::user | pte::writable)
    {
        const Tree made{page(), page(), page(), page(), page()};
        set(made.l4, 5, made.l3);
        set(made.l3, 5, made.l2);
        set(made.l2, 5, made.l1);
        set(made.l1, 5, made.content, flags);
        return made;
    }

    static HypervisorConfig config()
    {
        HypervisorConfig small;
        small.machine = {.nr_frames = 2048, .first_mfn = 0x10000, .seed = 1, .shuffle_run = 1};
        return small;
    }

    sr::NullLogger log_;
    Hypervisor xen;
    Domain& domain;

private:
    std::uint64_t next_pfn_ = 0;
};

}  // namespace fakexen
