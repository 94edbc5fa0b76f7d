// SPDX-License-Identifier: LGPL-2.1-or-later
// Grant tables: their sizes, limits and versions, and who may ask.
#include "tests/xenhost/calls/grants.hpp"

#include "tests/xenhost/calls/sections.hpp"

#include <cerrno>
#include <sys/mman.h>

namespace calls {

GrantFrames::GrantFrames(Machine& machine, domid_t domid, unsigned id, std::uint64_t first,
                         std::uint64_t count)
    : machine_{machine}
{
    errno = 0;
    resource_ =
        xenforeignmemory_map_resource(machine.foreign_memory(), domid, XENMEM_resource_grant_table,
                                      id, first, count, &at_, PROT_READ | PROT_WRITE, 0);
    result_ = resource_ == nullptr ? -static_cast<Result>(errno) : 0;
}

GrantFrames::~GrantFrames()
{
    if (resource_ != nullptr) {
        (void)xenforeignmemory_unmap_resource(machine_.foreign_memory(), resource_);
    }
}

namespace {

constexpr domid_t nobody = DOMID_FIRST_RESERVED - 1;
constexpr unsigned shared = XENMEM_resource_grant_table_id_shared;
constexpr unsigned status = XENMEM_resource_grant_table_id_status;

gnttab_query_size_t size_of(Machine& machine, domid_t domid)
{
    gnttab_query_size_t request = {};
    request.dom = domid;
    (void)grant_op(machine, GNTTABOP_query_size, request);
    return request;
}

void tell_size(Machine& machine, domid_t domid)
{
    const auto size = size_of(machine, domid);
    say("  status %d, %u of %u frames", size.status, size.nr_frames, size.max_nr_frames);
}

/// Octets of a resource, or what came of asking.
std::string resource_size(Machine& machine, domid_t domid, unsigned id)
{
    std::size_t size = 0;
    errno = 0;
    const int result = xenforeignmemory_resource_size(machine.foreign_memory(), domid,
                                                      XENMEM_resource_grant_table, id, &size);
    return result < 0 ? text_of(-static_cast<Result>(errno)) : std::to_string(size);
}

void tell_version(Machine& machine, domid_t domid, const char* whose)
{
    gnttab_get_version_t request = {};
    request.dom = domid;
    tell(grant_op(machine, GNTTABOP_get_version, request), "get_version of %s", whose);
    say("  version %u", request.version);
}

void try_limit(Machine& machine, std::int32_t frames, std::uint32_t version)
{
    machine.release();
    xen_domctl op = domain_request(1);
    op.u.createdomain.max_grant_frames = frames;
    op.u.createdomain.grant_opts = version;
    const Result result = machine.domctl(op);
    tell(result, "createdomain with %d grant frames, version %u", frames, version);
    if (result != 0) {
        return;
    }
    const domid_t id = op.domain;
    tell_size(machine, id);
    tell_version(machine, id, "it");
    say("  as resources: shared %s, status %s", resource_size(machine, id, shared).c_str(),
        resource_size(machine, id, status).c_str());
    op = {};
    op.cmd = XEN_DOMCTL_destroydomain;
    op.domain = id;
    (void)machine.domctl(op);
}

void try_limits(Machine& machine)
{
    for (const std::int32_t frames : {0, 1, 2, 7, 8, 9, 64, 200, -1}) {
        try_limit(machine, frames, XEN_DOMCTL_GRANT_version(1));
    }
    for (const std::uint32_t version : {0U, 1U, 2U, 3U, 15U}) {
        try_limit(machine, 4, version);
    }
}

void try_questions(const Domain& domain)
{
    Machine& machine = domain.machine();
    for (const domid_t id : {domain.id(), nobody, domid_t{DOMID_XEN}, domid_t{DOMID_IO}}) {
        gnttab_query_size_t request = {};
        request.dom = id;
        tell(grant_op(machine, GNTTABOP_query_size, request), "query_size of %s",
             id == domain.id() ? "a domain"
             : id == nobody    ? "nobody"
             : id == DOMID_XEN ? "Xen"
                               : "devices");
        say("  status %d", request.status);
    }
    for (const unsigned count : {0U, 2U}) {
        gnttab_query_size_t size = {};
        size.dom = domain.id();
        tell(grant_op(machine, GNTTABOP_query_size, size, count), "query_size of %u", count);
        gnttab_setup_table_t setup = {};
        setup.dom = domain.id();
        tell(grant_op(machine, GNTTABOP_setup_table, setup, count), "setup_table of %u", count);
        gnttab_get_status_frames_t frames = {};
        frames.dom = domain.id();
        tell(grant_op(machine, GNTTABOP_get_status_frames, frames, count),
             "get_status_frames of %u", count);
        gnttab_get_version_t version = {};
        version.dom = domain.id();
        tell(grant_op(machine, GNTTABOP_get_version, version, count), "get_version of %u", count);
    }
    tell_version(machine, DOMID_SELF, "oneself");
    tell_version(machine, 0, "dom0");
    tell_version(machine, domain.id(), "a domain");
    tell_version(machine, nobody, "nobody");
    tell_version(machine, DOMID_XEN, "Xen");
}

/// The frames that a call wrote, as far as they tell anything.
template <typename T>
void try_frames(Machine& machine, unsigned cmd, const char* name, domid_t domid, unsigned nr)
{
    T request = {};
    request.dom = domid;
    request.nr_frames = nr;
    auto* const frames = machine.take<xen_pfn_t>(64);
    set_xen_guest_handle(request.frame_list, frames);
    tell(grant_op(machine, cmd, request), "%s of %u frames", name, nr);
    say("  status %d, %s", request.status, frames[0] != 0 ? "some" : "none");
}

void try_setup(const Domain& domain)
{
    Machine& machine = domain.machine();
    // Nothing is mapped at the one, and the other is Xen's.
    for (const std::uint64_t address : {0x1000UL, 0xffff'8200'0000'0000UL}) {
        gnttab_setup_table_t request = {};
        request.dom = domain.id();
        request.nr_frames = 1;
        std::memcpy(&request.frame_list, &address, sizeof address);
        tell(grant_op(machine, GNTTABOP_setup_table, request), "setup_table to %#lx", address);
        say("  status %d", request.status);
    }
    for (const unsigned nr : {2U, 5U, 0x10000000U, 4U, 1U, 0U}) {
        try_frames<gnttab_setup_table_t>(machine, GNTTABOP_setup_table, "setup_table", domain.id(),
                                         nr);
        tell_size(machine, domain.id());
    }
    for (const unsigned nr : {0U, 1U, 100U}) {
        try_frames<gnttab_get_status_frames_t>(machine, GNTTABOP_get_status_frames,
                                               "get_status_frames", domain.id(), nr);
    }
    try_frames<gnttab_get_status_frames_t>(machine, GNTTABOP_get_status_frames, "get_status_frames",
                                           nobody, 1);
    try_frames<gnttab_setup_table_t>(machine, GNTTABOP_setup_table, "setup_table", nobody, 1);
    tell_size(machine, domain.id());
}

void try_resource(Machine& machine, domid_t domid, unsigned id, std::uint64_t first,
                  std::uint64_t count)
{
    const GrantFrames frames{machine, domid, id, first, count};
    tell(frames.result(), "frames %#lx and %lu on of resource %u", first, count, id);
    tell_size(machine, domid);
}

/// Nothing but frames that are not there yet makes the table grow.
void try_resources(const Domain& domain)
{
    Machine& machine = domain.machine();
    const domid_t id = domain.id();
    say("octets of status frames: %s", resource_size(machine, id, status).c_str());
    say("octets of resource 2: %s", resource_size(machine, id, 2).c_str());
    for (const std::uint64_t first : {0UL, 4UL, 0xffff'ffffUL, 0x1'0000'0000UL}) {
        try_resource(machine, id, status, first, 1);
        try_resource(machine, id, 2, first, 1);
    }
    try_resource(machine, id, shared, 0, 1);
    try_resource(machine, id, shared, 4, 1);
    try_resource(machine, id, shared, 2, 3);
    try_resource(machine, id, shared, 0xffff'ffff, 1);
    try_resource(machine, id, shared, 0x1'0000'0000, 1);
    try_resource(machine, id, shared, 1, 1);
    try_resource(machine, id, shared, 0, 2);
    try_resource(machine, id, shared, 3, 1);
    try_resource(machine, nobody, shared, 0, 1);
    for (const domid_t other : {domid_t{0}, domid_t{DOMID_SELF}, domid_t{DOMID_XEN}}) {
        const GrantFrames frames{machine, other, shared, 0, 1};
        tell(frames.result(), "a frame of %#x", other);
    }
}

/// What one mapping shows another does, and setup_table names the same frames.
void try_same_frames(const Domain& domain)
{
    Machine& machine = domain.machine();
    const GrantFrames all{machine, domain.id(), shared, 0, 2};
    const GrantFrames second{machine, domain.id(), shared, 1, 1};
    tell(all.result() + second.result(), "two frames, and the second again");
    gnttab_setup_table_t setup = {};
    setup.dom = domain.id();
    setup.nr_frames = 2;
    auto* const frames = machine.take<xen_pfn_t>(2);
    set_xen_guest_handle(setup.frame_list, frames);
    (void)grant_op(machine, GNTTABOP_setup_table, setup);
    const Mapping foreign{machine, domain.id(), PROT_READ, {frames[1]}};
    tell(foreign.error(0), "its frame mapped as a domain's");
    constexpr std::size_t per_frame = 512;
    all.entries()[per_frame + 7].frame = 0x1234;
    say("  seen in the second %#x, in the foreign mapping %#lx", second.entries()[7].frame,
        foreign.words()[7] >> 32);
    all.entries()[per_frame + 7] = {};
}

Result set_version(Machine& machine, std::uint32_t version)
{
    gnttab_set_version_t request = {version};
    const Result result = grant_op(machine, GNTTABOP_set_version, request);
    tell(result, "set_version %#x", version);
    say("  version %u", request.version);
    return result;
}

/// dom0's own table, which is none of the others' affair: nobody maps what it grants. It ends with version 1 again.
void try_own_version(Machine& machine)
{
    const auto status_frames = [&](unsigned nr) {
        try_frames<gnttab_get_status_frames_t>(machine, GNTTABOP_get_status_frames,
                                               "get_status_frames", DOMID_SELF, nr);
    };
    for (const std::uint32_t version : {0U, 3U, ~0U, 1U}) {
        (void)set_version(machine, version);
    }
    status_frames(0);
    status_frames(1);
    if (set_version(machine, 2) != 0) {
        return;
    }
    tell_version(machine, DOMID_SELF, "oneself");
    status_frames(1);
    status_frames(64);
    (void)set_version(machine, 2);
    (void)set_version(machine, 3);
    // 8 frames of shared entries need one of status, a ninth needs another.
    for (const unsigned nr : {8U, 9U}) {
        try_frames<gnttab_setup_table_t>(machine, GNTTABOP_setup_table, "setup_table", DOMID_SELF,
                                         nr);
        say("  %u frames", size_of(machine, DOMID_SELF).nr_frames);
        status_frames(2);
        status_frames(3);
    }
    (void)set_version(machine, 1);
    status_frames(0);
    status_frames(1);
    say("  %u frames", size_of(machine, DOMID_SELF).nr_frames);
    tell_version(machine, DOMID_SELF, "oneself");
}

}  // namespace

void try_grants(Machine& machine)
{
    try_limits(machine);
    {
        Domain domain{machine};
        try_questions(domain);
        try_setup(domain);
    }
    Domain domain{machine};
    try_resources(domain);
    try_same_frames(domain);
    try_own_version(machine);
}

}  // namespace calls
