// SPDX-License-Identifier: LGPL-2.1-or-later
// The walk from shared_info to the leaves of a guest's p2m.
#include "libsr/mem/p2m_discovery.hpp"

#include "libsr/base/error.hpp"
#include "libsr/mem/load_once.hpp"
#include "libsr/mem/pte.hpp"

#include <algorithm>
#include <array>
#include <cinttypes>

namespace sr {
namespace {

/// Frames viewed at once.
constexpr std::size_t frames_per_view = 256;

std::uint64_t divide_up(std::uint64_t value, std::uint64_t by)
{
    return value / by + (value % by != 0 ? 1 : 0);
}

/// The frames of the guest, and which numbers can be frames at all.
struct Host {
    GuestFrames& frames;
    std::uint64_t nr_mfns;

    [[nodiscard]] bool may_be_frame(std::uint64_t mfn) const { return mfn != 0 && mfn < nr_mfns; }
};

/// Reads through a list of frames as if they were one array of numbers, viewing a few at a time.
///
/// @param tables  the frames, one behind the other
/// @param first   number of the first entry to read, counted from the start of the first frame
/// @param nr      how many; the frames hold them
/// @param fn      (entry number from 0, value): reads each entry once
template <typename T, typename Fn>
void for_each_entry(const Host& host, std::span<const Mfn> tables, std::uint64_t first,
                    std::uint64_t nr, Fn&& fn)
{
    constexpr std::uint64_t per_frame = page_size / sizeof(T);
    std::uint64_t at = first;
    while (at < first + nr) {
        const auto table = static_cast<std::size_t>(at / per_frame);
        const auto viewed = tables.subspan(table, std::min(frames_per_view, tables.size() - table));
        const std::unique_ptr<FrameView> view = host.frames.view(viewed);
        const std::uint64_t view_end = (table + viewed.size()) * per_frame;
        for (; at < std::min(first + nr, view_end); ++at) {
            const std::uint64_t index = at - table * per_frame;
            fn(at - first,
               load_once<T>(view->octets(), static_cast<std::size_t>(index) * sizeof(T)));
        }
    }
}

// --- Linear list ---

/// The virtual addresses of a list, and how page tables cut them.
struct ListRange {
    std::uint64_t first;  ///< address of the first entry, without the sign extension
    std::uint64_t last;   ///< address of the last octet of the last leaf
    std::uint64_t sign;   ///< the sign extension, for messages

    /// Number, counted over all tables of this level there could be, of the entry that maps an
    /// address.
    static std::uint64_t entry_number(std::uint64_t address, unsigned level)
    {
        return address >> (12 + 9 * (level - 1));
    }
};

[[noreturn]] void throw_bad_entry(std::uint64_t raw, unsigned level, std::uint64_t address,
                                  const char* why)
{
    throw Error{Errc::guest, "p2m list: L%u entry %#" PRIx64 " for address %#" PRIx64 " %s",
                level,       raw,
                address,     why};
}

/// The frame an entry on the way to the list points to.
Mfn checked_frame(const Host& host, Pte<Mfn> entry, unsigned level, std::uint64_t address)
{
    if (!entry.present()) {
        throw_bad_entry(entry.raw(), level, address, "is not present");
    }
    if (level > 1 && entry.pse()) {
        throw_bad_entry(entry.raw(), level, address, "is a superpage");
    }
    if (!host.may_be_frame(entry.frame().number())) {
        throw_bad_entry(entry.raw(), level, address, "holds no frame of this host");
    }
    return entry.frame();
}

/// The frames that one level's tables name for the range. @param tables  of this level, from the
/// one that maps range.first
std::vector<Mfn> walk_level(const Host& host, const std::vector<Mfn>& tables, unsigned level,
                            ListRange range)
{
    const std::uint64_t first = ListRange::entry_number(range.first, level);
    const std::uint64_t last = ListRange::entry_number(range.last, level);
    const std::uint64_t nr = last - first + 1;
    std::vector<Mfn> found;
    found.reserve(static_cast<std::size_t>(nr));
    for_each_entry<std::uint64_t>(
        host, tables, first % entries_per_table, nr, [&](std::uint64_t at, std::uint64_t raw) {
            const std::uint64_t address = (first + at) << (12 + 9 * (level - 1)) | range.sign;
            found.push_back(checked_frame(host, Pte<Mfn>{raw}, level, address));
        });
    return found;
}

std::vector<Mfn> list_leaves(const GuestAbi& abi, const P2mRoots& roots, const Host& host)
{
    const std::uint64_t nr_leaves = divide_up(roots.max_pfn, abi.entries_per_p2m_frame());
    const std::uint64_t length = nr_leaves * page_size;
    if (roots.vaddr % page_size != 0 || !abi.is_guest_range(roots.vaddr, length)) {
        throw Error{Errc::guest,
                    "p2m list: %#" PRIx64 " octets at %#" PRIx64 " are no address range of a guest",
                    length, roots.vaddr};
    }
    const auto root = abi.frame_of_cr3(roots.cr3);
    if (!root || !host.may_be_frame(*root)) {
        throw Error{Errc::guest, "p2m list: p2m_cr3 %#" PRIx64 " holds no frame of this host",
                    roots.cr3};
    }
    const std::uint64_t first = roots.vaddr & abi.virt_mask;
    const ListRange range{first, first + length - 1, roots.vaddr & ~abi.virt_mask};
    std::vector<Mfn> tables{Mfn{*root}};
    for (unsigned level = abi.levels; level > 0; --level) {
        tables = walk_level(host, tables, level, range);
    }
    tables.resize(leaves_without_missing_tail(tables, roots.vaddr), Mfn{0});
    return tables;
}

// --- Tree ---

[[noreturn]] void throw_bad_tree(const char* what, std::uint64_t index, std::uint64_t mfn)
{
    throw Error{Errc::guest,
                "p2m tree: entry %" PRIu64 " of the %s, %#" PRIx64 " is no frame of this host",
                index, what, mfn};
}

/// The first nr mfns of a list that lies in these frames, in the guest's width.
std::vector<Mfn> read_frame_list(const GuestAbi& abi, const Host& host, std::span<const Mfn> frames,
                                 std::uint64_t nr, const char* what)
{
    std::vector<Mfn> found;
    found.reserve(static_cast<std::size_t>(nr));
    const auto take = [&](std::uint64_t at, std::uint64_t mfn) {
        if (!host.may_be_frame(mfn)) {
            throw_bad_tree(what, at, mfn);
        }
        found.push_back(Mfn{mfn});
    };
    if (abi.width == GuestWidth::bits64) {
        for_each_entry<std::uint64_t>(host, frames, 0, nr, take);
    } else {
        for_each_entry<std::uint32_t>(host, frames, 0, nr, take);
    }
    return found;
}

/// Index of the first of the equal entries at the end.
std::size_t start_of_equal_tail(std::span<const Mfn> entries)
{
    std::size_t start = entries.size() - 1;
    while (start > 0 && entries[start - 1] == entries[start]) {
        --start;
    }
    return start;
}

std::vector<Mfn> tree_leaves(const GuestAbi& abi, const P2mRoots& roots, const Host& host)
{
    const std::uint64_t per_frame = abi.entries_per_p2m_frame();
    std::uint64_t nr_leaves = divide_up(roots.max_pfn, per_frame);
    const std::uint64_t nr_mids = divide_up(nr_leaves, per_frame);
    if (nr_mids > per_frame) {
        throw Error{Errc::guest, "p2m tree: %" PRIu64 " pfns are more than it can hold",
                    roots.max_pfn};
    }
    if (!host.may_be_frame(roots.frame_list_list)) {
        throw Error{Errc::guest,
                    "p2m tree: pfn_to_mfn_frame_list_list %#" PRIx64 " is no frame of this host",
                    roots.frame_list_list};
    }
    const std::array<Mfn, 1> top{Mfn{roots.frame_list_list}};
    std::vector<Mfn> mids = read_frame_list(abi, host, top, nr_mids, "frame list list");
    mids.resize(start_of_equal_tail(mids) + 1, Mfn{0});
    nr_leaves = std::min(nr_leaves, mids.size() * per_frame);
    return read_frame_list(abi, host, mids, nr_leaves, "frame list");
}

}  // namespace

P2mRoots read_p2m_roots(std::span<const std::byte> shared_info, const GuestAbi& abi)
{
    const SharedInfoLayout& at = abi.shared_info;
    const auto read = [&](Field field) {
        return field.width_octets == 8 ? load_once<std::uint64_t>(shared_info, field.offset)
                                       : load_once<std::uint32_t>(shared_info, field.offset);
    };
    return {.max_pfn = read(at.max_pfn),
            .frame_list_list = read(at.pfn_to_mfn_frame_list_list),
            .cr3 = read(at.p2m_cr3),
            .vaddr = read(at.p2m_vaddr)};
}

const char* to_string(P2mKind kind) noexcept
{
    return kind == P2mKind::linear_list ? "linear list" : "3-level tree";
}

P2mLayout discover_p2m(const GuestAbi& abi, const P2mRoots& roots, GuestFrames& frames,
                       std::uint64_t nr_mfns)
{
    if (roots.max_pfn == 0) {
        throw Error{Errc::guest, "the guest has not set up its p2m: max_pfn in shared_info is 0"};
    }
    if (roots.max_pfn - 1 > RestoreP2m::highest_of_all.number()) {
        throw Error{Errc::limit,
                    "max_pfn in shared_info is %#" PRIx64 ", past what a stream can name",
                    roots.max_pfn};
    }
    const Host host{frames, nr_mfns};
    const P2mKind kind = roots.cr3 != 0 ? P2mKind::linear_list : P2mKind::frame_list_tree;
    std::vector<Mfn> leaves = kind == P2mKind::linear_list ? list_leaves(abi, roots, host)
                                                           : tree_leaves(abi, roots, host);
    const std::uint64_t covered = leaves.size() * abi.entries_per_p2m_frame();
    return {.kind = kind,
            .highest = Pfn{std::min(roots.max_pfn, covered) - 1},
            .leaves = std::move(leaves)};
}

std::vector<Pfn> p2m_frame_pfns(const P2mLayout& layout, const FrameTranslator& translator)
{
    std::vector<Pfn> pfns;
    pfns.reserve(layout.leaves.size());
    for (const Mfn leaf : layout.leaves) {
        const PfnOrWhy found = translator.pfn_of(leaf);
        if (!found) {
            throw Error{Errc::guest, "p2m leaf %zu: mfn %#" PRIx64 " %s", pfns.size(),
                        leaf.number(), to_string(found.why)};
        }
        pfns.push_back(found.pfn);
    }
    return pfns;
}

std::size_t leaves_without_missing_tail(std::span<const Mfn> leaves, std::uint64_t vaddr) noexcept
{
    const std::size_t tail = start_of_equal_tail(leaves);
    // Leaves counted from where the L1 table of the first one starts, so that tables start at
    // multiples of 512.
    const auto lead = static_cast<std::size_t>(vaddr / page_size % entries_per_table);
    const std::size_t whole = (lead + tail + entries_per_table - 1) / entries_per_table;
    const std::size_t first_cut = std::max(whole, std::size_t{1});
    const std::size_t last = (lead + leaves.size() - 1) / entries_per_table;
    if (first_cut >= last) {
        return leaves.size();
    }
    return first_cut * entries_per_table - lead;
}

}  // namespace sr
