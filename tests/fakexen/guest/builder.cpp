// SPDX-License-Identifier: LGPL-2.1-or-later
// Creating a domain: hypercalls through libxenctrl and contents through foreign mappings.
#include "tests/fakexen/guest/builder.hpp"

#include "libsr/base/bytes.hpp"
#include "tests/fakexen/guest/grant_table.hpp"
#include "tests/fakexen/guest/vcpu_constants.hpp"

#include <algorithm>

namespace fakexen::guest {

namespace {

constexpr std::size_t batch = 1024;  ///< frames a call

void store_number(std::span<std::byte> page, Field field, std::uint64_t value)
{
    if (field.width == 4) {
        sr::store(page, field.offset, static_cast<std::uint32_t>(value));
    } else {
        sr::store(page, field.offset, value);
    }
}

/// The ownership of each table page shows in its record only after tables_ is complete.
constexpr std::uint64_t gdt_data = 0x00cf'f300'0000'ffff;  ///< flat data, DPL 3

/// Unless told otherwise: version 2 only for who may use it.
std::uint32_t max_grant_version_of(const CreateOptions& options)
{
    const bool uses_v2 = options.settings.grants == 2 || options.settings.grant_switch != 0;
    return options.max_grant_version.value_or(uses_v2 ? 2 : 1);
}

/// A few, and whatever its own grants take in either version.
std::int32_t max_grant_frames_of(const CreateOptions& options)
{
    const std::uint32_t needed = frames_for_grants(2, options.shape.nr_grant_refs);
    return static_cast<std::int32_t>(std::max(4U, needed));
}

}  // namespace

Builder::Builder(Toolstack& toolstack, const CreateOptions& options)
    : toolstack_{toolstack}, options_{options}, abi_{abi_of_bits(options.bits)},
      plan_{make_plan(options.shape, abi_)}, tables_{abi_, plan_.places.tables, plan_.table_limit}
{
}

Builder::~Builder()
{
    if (domid_ != 0) {
        (void)xc_domain_destroy(toolstack_.xc(), domid_);
    }
}

std::uint32_t Builder::create()
{
    create_domain();
    populate();
    prepare_tables();
    write_memory();
    pin_top_table();
    set_registers();
    write_store();
    if (!options_.paused) {
        (void)check(xc_domain_unpause(toolstack_.xc(), domid_), "xc_domain_unpause");
    }
    return std::exchange(domid_, 0);
}

void Builder::create_domain()
{
    xen_domctl_createdomain config = {};
    config.max_vcpus = options_.settings.nr_vcpus;
    config.max_evtchn_port = 1023;
    config.max_grant_frames = max_grant_frames_of(options_);
    config.max_maptrack_frames = 4;
    config.grant_opts = XEN_DOMCTL_GRANT_version(max_grant_version_of(options_));
    for (std::size_t n = 0; n < sizeof config.handle; ++n) {
        config.handle[n] = static_cast<std::uint8_t>(options_.settings.seed >> (n % 8 * 8)) ^
                           static_cast<std::uint8_t>(n * 17);
    }
    xc_interface* const xc = toolstack_.xc();
    (void)check(xc_domain_create(xc, &domid_, &config), "xc_domain_create");
    (void)check(xc_domain_max_vcpus(xc, domid_, options_.settings.nr_vcpus), "xc_domain_max_vcpus");
    set_width();
    const std::uint64_t kib = (options_.shape.memory_pages + 256) * (page_size / 1024);
    (void)check(xc_domain_setmaxmem(xc, domid_, kib), "xc_domain_setmaxmem");
    xc_dominfo_t info = {};
    (void)check(xc_domain_getinfo(xc, domid_, 1, &info) - 1, "xc_domain_getinfo");
    shared_info_mfn_ = info.shared_info_frame;
    store_port_ = static_cast<std::uint32_t>(
        check(xc_evtchn_alloc_unbound(xc, domid_, 0), "xc_evtchn_alloc_unbound"));
    console_port_ = static_cast<std::uint32_t>(
        check(xc_evtchn_alloc_unbound(xc, domid_, 0), "xc_evtchn_alloc_unbound"));
}

/// What libxenguest's domain builder does. A domain of 64 bits is one already.
void Builder::set_width()
{
    if (abi_.bits != 64) {
        xen_domctl domctl = {};
        domctl.cmd = XEN_DOMCTL_set_address_size;
        domctl.domain = static_cast<domid_t>(domid_);
        domctl.u.address_size.size = abi_.bits;
        (void)check(xc_domctl(toolstack_.xc(), &domctl), "XEN_DOMCTL_set_address_size");
    }
}

void Builder::populate()
{
    p2m_.assign(plan_.nr_pfns, no_mfn);
    std::vector<Pfn> pfns;
    for (Pfn pfn = 0; pfn < plan_.nr_pfns; ++pfn) {
        if (plan_.records[pfn].role != Role::hole) {
            pfns.push_back(pfn);
        }
    }
    for (std::size_t done = 0; done < pfns.size(); done += batch) {
        const std::size_t n = std::min(batch, pfns.size() - done);
        std::vector<xen_pfn_t> frames(pfns.begin() + static_cast<std::ptrdiff_t>(done),
                                      pfns.begin() + static_cast<std::ptrdiff_t>(done + n));
        (void)check(
            xc_domain_populate_physmap_exact(toolstack_.xc(), domid_, n, 0, 0, frames.data()),
            "xc_domain_populate_physmap_exact");
        for (std::size_t k = 0; k < n; ++k) {
            p2m_[pfns[done + k]] = frames[k];
        }
    }
}

/// What a page of memory may be mapped as: tables and GDT frames never writable.
std::uint64_t Builder::flags_of(Pfn pfn) const
{
    const Role role = plan_.records[pfn].role;
    return role == Role::table || role == Role::gdt ? pte::read_only : pte::read_write;
}

/// The direct map of all memory, the p2m list at its own address, and an empty slot for
/// shared_info.
void Builder::prepare_tables()
{
    plan_.places.top_table = plan_.places.tables;
    tables_.prepare(abi_.fixmap);
    for (std::uint64_t n = 0; n < plan_.leaf_pages.size(); ++n) {
        const Pfn pfn = plan_.leaf_pages[n];
        const bool missing = pfn == plan_.places.p2m_missing;
        tables_.map(plan_.p2m_vaddr + n * page_size, pfn,
                    missing ? pte::read_only : pte::read_write);
    }
    const auto for_each_page = [&](auto&& fn) {
        for (Pfn pfn = 0; pfn < plan_.nr_pfns; ++pfn) {
            if (plan_.records[pfn].role != Role::hole) {
                fn(pfn);
            }
        }
    };
    for_each_page([&](Pfn pfn) { tables_.prepare(abi_.direct(pfn)); });
    for (Pfn pfn = plan_.places.tables; pfn < plan_.table_limit; ++pfn) {
        plan_.records[pfn].role = pfn < tables_.next_pfn() ? Role::table : Role::data;
    }
    for_each_page([&](Pfn pfn) { tables_.map(abi_.direct(pfn), pfn, flags_of(pfn)); });
}

/// Writes every page that is not left to the kernel: all before the first data page.
void Builder::write_memory()
{
    const Pfn end = plan_.places.data;
    for (Pfn first = 0; first < end; first += batch) {
        std::vector<xen_pfn_t> frames;
        for (Pfn pfn = first; pfn < std::min<Pfn>(first + batch, end); ++pfn) {
            frames.push_back(p2m_[pfn]);
        }
        toolstack_.write_frames(domid_, frames, [&](std::size_t n, std::span<std::byte> page) {
            std::fill(page.begin(), page.end(), std::byte{0});
            write_page(first + n, page);
        });
    }
}

void Builder::write_page(Pfn pfn, std::span<std::byte> page) const
{
    const Places& at = plan_.places;
    if (pfn == at.start_info) {
        write_start_info(page);
    } else if (pfn == plan_.state) {
        write_state(page);
    } else if (pfn >= at.gdt && pfn < at.gdt + options_.settings.nr_vcpus) {
        sr::store(page, 8, abi_.code_descriptor);
        sr::store(page, 16, gdt_data);
    } else if (pfn >= at.records && pfn < at.grants) {
        const std::size_t first = (pfn - at.records) * page_size / sizeof(PageRecord);
        const std::size_t n =
            std::min(page_size / sizeof(PageRecord), plan_.records.size() - first);
        const auto source = std::as_bytes(std::span{plan_.records}.subspan(first, n));
        std::copy(source.begin(), source.end(), page.begin());
    } else if (pfn == at.p2m_missing) {
        std::fill(page.begin(), page.end(), std::byte{0xff});
    } else if (pfn >= at.tables && pfn < tables_.next_pfn()) {
        write_table(tables_.tables().at(pfn - at.tables), page);
    } else if (pfn >= at.p2m_leaves && pfn < at.p2m_leaves + at.nr_leaves) {
        const auto found = std::find(plan_.leaf_pages.begin(), plan_.leaf_pages.end(), pfn);
        write_p2m_page(static_cast<std::uint64_t>(found - plan_.leaf_pages.begin()), page);
    }
}

void Builder::write_table(const PageTables::Table& table, std::span<std::byte> page) const
{
    for (std::size_t n = 0; n < entries_per_table; ++n) {
        const std::uint64_t entry = table.entries[n];
        if ((entry & pte::present) != 0) {
            const std::uint64_t flags = entry & ~pte::frame_mask;
            sr::store(page, n * 8, pte::make(p2m_[pte::frame(entry)], flags));
        }
    }
}

std::uint64_t Builder::p2m_entry(Pfn pfn) const
{
    if (pfn >= p2m_.size()) {
        return no_mfn;
    }
    const PageRecord& record = plan_.records[pfn];
    return record.role == Role::hole && record.level != 0 ? abi_.identity_entry(pfn) : p2m_[pfn];
}

void Builder::write_p2m_page(std::uint64_t n, std::span<std::byte> page) const
{
    const std::uint64_t per_page = page_size / abi_.width;
    for (std::uint64_t k = 0; k < per_page; ++k) {
        store_number(page, {k * abi_.width, abi_.width}, p2m_entry(n * per_page + k));
    }
}

void Builder::write_start_info(std::span<std::byte> page) const
{
    const StartInfoFields& fields = abi_.start_info;
    const std::pair<Field, std::uint64_t> values[] = {
        {fields.nr_pages, plan_.nr_pfns},
        {fields.shared_info, shared_info_mfn_ * page_size},
        {fields.store_mfn, p2m_[plan_.places.store_ring]},
        {fields.store_evtchn, store_port_},
        {fields.console_mfn, p2m_[plan_.places.console_ring]},
        {fields.console_evtchn, console_port_},
        {fields.pt_base, abi_.direct(plan_.places.top_table)},
        {fields.nr_pt_frames, tables_.tables().size()},
        {fields.mfn_list, plan_.p2m_vaddr},
    };
    for (const auto& [field, value] : values) {
        store_number(page, field, value);
    }
    const auto magic =
        std::as_bytes(std::span{abi_.magic, std::char_traits<char>::length(abi_.magic)});
    std::copy(magic.begin(), magic.end(), page.begin());
}

void Builder::write_state(std::span<std::byte> page) const
{
    State state = {};
    state.magic = state_magic;
    state.settings = options_.settings;
    state.settings.nr_pfns = plan_.nr_pfns;
    state.settings.p2m_vaddr = plan_.p2m_vaddr;
    state.places = plan_.places;
    state.random = options_.settings.seed ^ 0x5eed;
    sr::store(page, 0, state);
}

void Builder::pin_top_table()
{
    mmuext_op op = {};
    op.cmd = abi_.levels == 4 ? MMUEXT_PIN_L4_TABLE : MMUEXT_PIN_L3_TABLE;
    op.arg1.mfn = p2m_[plan_.places.top_table];
    (void)check(xc_mmuext_op(toolstack_.xc(), &op, 1, domid_), "MMUEXT_PIN_L4_TABLE");
}

/// vCPU 0 as Xen's boot ABI has it: rsi points to start_info. r15, or edi, is this kernel's own: its state page.
void Builder::set_registers()
{
    vcpu_guest_context_t context = {};
    context.flags = VGCF_in_kernel | VGCF_online;
    context.user_regs.rip = rip_of(Marker::boot, abi_);
    context.user_regs.rsp = abi_.direct(plan_.state + 1);
    context.user_regs.rsi = abi_.direct(plan_.places.start_info);
    (abi_.bits == 32 ? context.user_regs.rdi : context.user_regs.r15) = abi_.direct(plan_.state);
    context.user_regs.rflags = 1U << 9;  // interrupts on
    context.user_regs.cs = abi_.code_segment;
    context.user_regs.ss = abi_.stack_segment;
    context.user_regs.ds = context.user_regs.es = abi_.data_segment;
    set_vcpu_constants(context, abi_, options_.settings.seed, 0, abi_.direct(plan_.places.gdt));
    context.gdt_frames[0] = p2m_[plan_.places.gdt];
    context.ctrlreg[3] = p2m_[plan_.places.top_table] << 12;
    set_context(toolstack_, domid_, 0, abi_, context);
}

}  // namespace fakexen::guest
