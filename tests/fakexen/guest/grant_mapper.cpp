// SPDX-License-Identifier: LGPL-2.1-or-later
// GNTTABOP_map_grant_ref and its undoing. The other kernel runs at the same time: its directory is looked at before and after.
#include "tests/fakexen/guest/grant_mapper.hpp"

#include "tests/fakexen/guest/grant_records.hpp"
#include "tests/fakexen/guest/granter.hpp"

#include <limits>

namespace fakexen::guest {

namespace {

constexpr std::uint64_t quanta_of_rest = 4;  ///< in which nothing is mapped
constexpr std::uint64_t directory_page = foreign_pages_at + max_held_grants;
constexpr std::size_t written_at = 64;  ///< octets; the first word of a page stays its owner's

Va held_va(const Kernel& kernel, std::size_t n)
{
    return fixmap_page(kernel, foreign_pages_at + n);
}

/// @return a handle; nothing if Xen refuses
std::optional<grant_handle_t> map_grant(const Kernel& kernel, grant_ref_t ref, Va va, bool writable)
{
    gnttab_map_grant_ref_t request = {};
    request.host_addr = va;
    request.flags = GNTMAP_host_map | (writable ? 0U : unsigned{GNTMAP_readonly});
    request.ref = ref;
    request.dom = static_cast<domid_t>(kernel.state.settings.map_grants_of);
    must(kernel.machine().hypercall(__HYPERVISOR_grant_table_op,
                                    {GNTTABOP_map_grant_ref, address_of(&request), 1}),
         "GNTTABOP_map_grant_ref");
    return request.status == GNTST_okay ? std::optional{request.handle} : std::nullopt;
}

/// If the other domain is no more, Xen does not know the handle either, and the entry is the kernel's to clear.
void unmap_grant(const Kernel& kernel, grant_handle_t handle, Va va)
{
    gnttab_unmap_grant_ref_t request = {};
    request.host_addr = va;
    request.handle = handle;
    must(kernel.machine().hypercall(__HYPERVISOR_grant_table_op,
                                    {GNTTABOP_unmap_grant_ref, address_of(&request), 1}),
         "GNTTABOP_unmap_grant_ref");
    if (request.status == GNTST_bad_domain || request.status == GNTST_bad_handle) {
        must(kernel.machine().update_va_mapping(va, 0), "clearing the entry of a lost grant");
    } else if (request.status != GNTST_okay) {
        throw Panic{"GNTTABOP_unmap_grant_ref: status %d", request.status};
    }
}

/// The other kernel's directory, mapped for as long as this lives.
class Directory {
public:
    explicit Directory(const Kernel& kernel)
        : kernel_{kernel}, va_{fixmap_page(kernel, directory_page)}, handle_{map_grant(
                                                                         kernel, directory_ref, va_,
                                                                         false)}
    {
    }
    Directory(const Directory&) = delete;
    Directory& operator=(const Directory&) = delete;
    ~Directory() = default;

    /// Not in the destructor, because it may fail.
    void close() const
    {
        if (handle_) {
            unmap_grant(kernel_, *handle_, va_);
        }
    }

    [[nodiscard]] bool is_there() const
    {
        return handle_ && kernel_.space().load<std::uint64_t>(va_) == directory_magic;
    }
    [[nodiscard]] DirectorySlot slot(std::size_t n) const
    {
        return DirectorySlot::of_word(
            kernel_.space().load<std::uint64_t>(va_ + DirectorySlot::offset_of(n)));
    }
    /// It still tells the same. Then it has done so all the time, if the grant is mapped and so could not end.
    [[nodiscard]] bool still_has(const DirectorySlot& slot) const
    {
        return this->slot(slot.ref % directory_slots).word() == slot.word();
    }

private:
    const Kernel& kernel_;
    Va va_;
    std::optional<grant_handle_t> handle_;
};

/// A page that somebody else may write is read by its first word only.
void look_at(Kernel& kernel, std::size_t n)
{
    const HeldGrant& grant = kernel.state.mapper.held.at(n);
    const auto word = kernel.space().load<std::uint64_t>(held_va(kernel, n));
    if (word != grant.pfn) {
        throw Panic{"grant %u should be pfn %#x of domain %u, but starts with %#llx", grant.ref,
                    grant.pfn, kernel.state.settings.map_grants_of,
                    static_cast<unsigned long long>(word)};
    }
    ++kernel.state.mapper.nr_reads;
}

/// What must not be mapped: parts of pages and other domains' grants at all, read-only pages writable.
bool may_map(GrantKind kind, bool writable)
{
    return kind == GrantKind::read_write || (kind == GrantKind::read_only && !writable);
}

void map_some_grant(Kernel& kernel, const Directory& directory)
{
    constexpr std::uint64_t tries_to_overreach = 8;  ///< one in so many
    MapperState& mapper = kernel.state.mapper;
    const DirectorySlot slot = directory.slot(kernel.random().below(directory_slots));
    if (slot.kind == GrantKind::none) {
        return;
    }
    const bool overreach = kernel.random().one_in(tries_to_overreach);
    const bool writable = slot.kind == GrantKind::read_write || overreach;
    const Va va = held_va(kernel, mapper.nr_held);
    const auto handle = map_grant(kernel, slot.ref, va, writable);
    if (!handle) {
        ++mapper.nr_refused;
        return;
    }
    if (!directory.still_has(slot)) {
        unmap_grant(kernel, *handle, va);
        return;
    }
    if (!may_map(slot.kind, writable)) {
        throw Panic{"grant %u of kind %u could be mapped%s", slot.ref,
                    static_cast<unsigned>(slot.kind), writable ? " writable" : ""};
    }
    mapper.held.at(mapper.nr_held++) = {slot.ref, *handle, slot.pfn, writable ? 1U : 0U};
    ++mapper.nr_mapped;
    look_at(kernel, mapper.nr_held - 1);
}

void map_some_grants(Kernel& kernel)
{
    constexpr int tries = 64;
    MapperState& mapper = kernel.state.mapper;
    const Directory directory{kernel};
    for (int n = 0; n < tries && directory.is_there() && mapper.nr_held < max_held_grants; ++n) {
        map_some_grant(kernel, directory);
    }
    directory.close();
    const std::uint64_t hold = kernel.state.settings.map_hold;
    mapper.next_at = mapper.nr_held == 0 ? kernel.state.count + quanta_of_rest
                     : hold == 0         ? std::numeric_limits<std::uint64_t>::max()
                                         : kernel.state.count + hold;
}

void use_grants(Kernel& kernel)
{
    MapperState& mapper = kernel.state.mapper;
    for (std::size_t n = 0; n < mapper.nr_held; ++n) {
        look_at(kernel, n);
        if (mapper.held.at(n).writable != 0) {
            kernel.space().store(held_va(kernel, n) + written_at, kernel.state.count);
            ++mapper.nr_writes;
        }
    }
}

}  // namespace

void work_on_mappings(Kernel& kernel)
{
    if (kernel.state.settings.map_grants_of == 0) {
        return;
    }
    MapperState& mapper = kernel.state.mapper;
    const bool due = kernel.state.count >= mapper.next_at;
    if (mapper.nr_held == 0 && due) {
        map_some_grants(kernel);
    } else if (due) {
        let_go_of_grants(kernel);
        mapper.next_at = kernel.state.count + quanta_of_rest;
    } else {
        use_grants(kernel);
    }
}

void let_go_of_grants(Kernel& kernel)
{
    MapperState& mapper = kernel.state.mapper;
    while (mapper.nr_held != 0) {
        const HeldGrant& grant = mapper.held.at(--mapper.nr_held);
        unmap_grant(kernel, grant.handle, held_va(kernel, mapper.nr_held));
    }
    mapper.next_at = 0;
}

std::string describe_mappings(const Kernel& kernel)
{
    if (kernel.state.settings.map_grants_of == 0) {
        return {};
    }
    const MapperState& mapper = kernel.state.mapper;
    return "held " + std::to_string(mapper.nr_held) + ", mapped " +
           std::to_string(mapper.nr_mapped) + ", denied " + std::to_string(mapper.nr_refused) +
           ", read " + std::to_string(mapper.nr_reads) + ", written " +
           std::to_string(mapper.nr_writes);
}

}  // namespace fakexen::guest
