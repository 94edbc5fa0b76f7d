// SPDX-License-Identifier: LGPL-2.1-or-later
// Foreign mappings: whose frames may be mapped how.
#include "tests/xenhost/calls/sections.hpp"

#include <cerrno>
#include <sys/mman.h>

namespace calls {
namespace {

constexpr int read_only = PROT_READ;
constexpr int read_write = PROT_READ | PROT_WRITE;

const char* word(int prot)
{
    return prot == read_only ? "read-only" : prot == PROT_WRITE ? "write-only" : "writable";
}

/// One frame, with an array for errors and without.
void try_frame(const Machine& machine, std::uint32_t domid, Mfn mfn, const char* what)
{
    for (const int prot : {read_only, read_write}) {
        const Mapping told{machine, domid, prot, {mfn}};
        const Mapping whole{machine, domid, prot, {mfn}, false};
        say("map %s %s: %s, frame %s; without errors %s", what, word(prot),
            text_of(told.result()).c_str(), text_of(told.error(0)).c_str(),
            text_of(whole.result()).c_str());
    }
}

void try_frames(const Domain& domain, const Domain& other)
{
    Machine& machine = domain.machine();
    try_frame(machine, domain.id(), domain.mfn(1), "a page");
    try_frame(machine, domain.id(), domain.info().shared_info_frame, "shared_info");
    try_frame(machine, domain.id(), ~Mfn{0}, "mfn ~0");
    try_frame(machine, domain.id(), Mfn{1} << 36, "a frame that is none");
    try_frame(machine, domain.id(), other.mfn(1), "another's frame");
    try_frame(machine, DOMID_FIRST_RESERVED - 1, domain.mfn(1), "a frame of nobody");
    try_frame(machine, DOMID_XEN, domain.mfn(1), "a domain's frame as Xen's");
    try_frame(machine, DOMID_IO, domain.mfn(1), "a domain's frame as a device's");
    auto* const list = machine.take<xen_pfn_t>();
    xen_machphys_mfn_list_t request = {};
    request.max_extents = 1;
    set_xen_guest_handle(request.extent_start, list);
    (void)machine.memory_op(XENMEM_machphys_mfn_list, request);
    try_frame(machine, DOMID_XEN, *list, "the M2P");
    try_frame(machine, domain.id(), *list, "the M2P as the domain's");
    (void)machine.memory_op(XENMEM_machphys_compat_mfn_list, request);
    try_frame(machine, DOMID_XEN, *list, "the compat M2P");
}

void try_tables_mapped(const Domain& domain)
{
    Machine& machine = domain.machine();
    tell(domain.pin(1, 2), "pinning an empty L1");
    try_frame(machine, domain.id(), domain.mfn(2), "a pinned table");
    tell(domain.unpin(2), "unpinning it");
    try_frame(machine, domain.id(), domain.mfn(2), "what was a table");
    {
        const Mapping mapping{machine, domain.id(), read_write, {domain.mfn(3)}};
        tell(domain.pin(1, 3), "pinning a page that is mapped writable");
        say("  type %s", domain.type(3).c_str());
    }
    tell(domain.pin(1, 3), "pinning it when the mapping is gone");
    tell(domain.unpin(3), "unpinning it");
    {
        const Mapping mapping{machine, domain.id(), read_only, {domain.mfn(3)}};
        tell(domain.pin(1, 3), "pinning a page that is mapped read-only");
        say("  type %s", domain.type(3).c_str());
    }
    tell(domain.unpin(3), "unpinning it");
}

void try_many(const Domain& domain)
{
    Machine& machine = domain.machine();
    const std::vector<Mfn> frames = {domain.mfn(5), ~Mfn{0}, domain.mfn(6), Mfn{1} << 36,
                                     domain.mfn(5)};
    const Mapping mixed{machine, domain.id(), read_write, frames};
    tell(mixed.result(), "map good and bad frames");
    for (std::size_t n = 0; n < frames.size(); ++n) {
        tell(mixed.error(n), "  frame %zu", n);
    }
    if (mixed.result() == 0) {
        // Or the compiler, to which these are two places, reads before it stores.
        volatile std::uint64_t* const first = mixed.words(0);
        const volatile std::uint64_t* const last = mixed.words(4);
        first[7] = 0x1234;
        say("  a frame mapped twice shows one store twice: %s", last[7] == 0x1234 ? "yes" : "no");
    }
    const Mapping whole{machine, domain.id(), read_write, frames, false};
    tell(whole.result(), "map them without errors");
    const Mapping none{machine, domain.id(), read_only, {}};
    say("map no frame: %s", none.result() == 0 ? "0" : "an error");
    const Mapping written{machine, domain.id(), PROT_WRITE, {domain.mfn(6)}};
    tell(written.error(0), "map a page write-only");
}

void try_resource(const Domain& domain, unsigned type, unsigned id, unsigned long frame,
                  unsigned long nr)
{
    Machine& machine = domain.machine();
    void* at = nullptr;
    errno = 0;
    auto* const resource = xenforeignmemory_map_resource(machine.foreign_memory(), domain.id(),
                                                         type, id, frame, nr, &at, read_write, 0);
    const Result result = resource == nullptr ? -static_cast<Result>(errno) : 0;
    tell(result, "map_resource type %u, id %u, frame %lu, %lu frames", type, id, frame, nr);
    if (resource != nullptr) {
        (void)xenforeignmemory_unmap_resource(machine.foreign_memory(), resource);
    }
}

void try_resources(const Domain& domain)
{
    Machine& machine = domain.machine();
    for (const unsigned type : {0U, 1U, 2U, 99U}) {
        std::size_t size = 0;
        errno = 0;
        const int result =
            xenforeignmemory_resource_size(machine.foreign_memory(), domain.id(), type, 0, &size);
        tell(result < 0 ? -static_cast<Result>(errno) : result, "resource_size of type %u", type);
        if (type == XENMEM_resource_grant_table) {
            say("  octets %zu", size);
        }
        try_resource(domain, type, 0, 0, 1);
    }
    try_resource(domain, XENMEM_resource_grant_table, 0, 0, 4);
    try_resource(domain, XENMEM_resource_grant_table, 0, 3, 1);
    try_resource(domain, XENMEM_resource_grant_table, 0, 4, 1);
    try_resource(domain, XENMEM_resource_grant_table, 0, 2, 3);
    try_resource(domain, XENMEM_resource_grant_table, 1, 0, 1);
    try_resource(domain, XENMEM_resource_grant_table, 2, 0, 1);
}

}  // namespace

void try_mappings(Machine& machine)
{
    Domain domain{machine};
    Domain other{machine};
    domain.populate();
    other.populate();
    try_frames(domain, other);
    try_tables_mapped(domain);
    try_many(domain);
    try_resources(domain);
}

}  // namespace calls
