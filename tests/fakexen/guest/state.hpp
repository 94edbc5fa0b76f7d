// SPDX-License-Identifier: LGPL-2.1-or-later
// What the guest kernel knows, all of it in guest memory, in terms of pfns: a fresh process reads
// it and goes on.
#pragma once

#include "tests/fakexen/guest/abi.hpp"
#include "tests/fakexen/protocol/messages.hpp"

#include <array>
#include <cstdint>
#include <type_traits>

namespace fakexen::guest {

/// What a pfn is used for.
enum class Role : std::uint8_t {
    hole,       ///< never had a frame. With PageRecord::level 1 its p2m entry says "identity"
    fixed,      ///< a structure of the kernel, mapped writable
    table,      ///< a page table of the kernel itself, mapped read-only
    gdt,        ///< frame of a descriptor table, mapped read-only
    data,       ///< contents are a function of pfn and version
    ballooned,  ///< its frame was given back
    process,    ///< a page table of a process, mapped read-only; its twin tells what it holds
    twin,       ///< the entries of a process' table with pfns for mfns
    stale,    ///< was a process' table; plain octets now, which must not change; mapped read-only.
              ///< With PageRecord::level 1 it stays so for good
    odd,      ///< State::odd_pfn: nothing is expected of it
    granted,  ///< data that another domain may map: PageRecord::level says how (GrantKind)
};

/// A grant, by what it lets the other domain do.
enum class GrantKind : std::uint8_t {
    none,
    directory,  ///< read-only: tells of the others
    read_only,
    read_write,  ///< what the page holds is the other domain's to decide
    sub_page,    ///< version 2: to copy from a part of the page
    transitive,  ///< version 2: to use what a third domain has granted
};

/// One per grant reference, in pages of Places::grants.
struct GrantRecord {
    std::uint64_t pfn;
    GrantKind kind;
    std::uint8_t ending;  ///< it was to end, but was mapped
    std::array<std::uint8_t, 6> reserved;
};
static_assert(sizeof(GrantRecord) == 16);

/// One per pfn, in an array that the state page points to.
struct PageRecord {
    std::uint32_t version;  ///< data: 0 means never written. stale: hash of the contents
    Role role;
    std::uint8_t level;  ///< process: of the table
    std::uint16_t
        owner;  ///< process and twin: index of the process. data: entries of processes that name it
};
static_assert(sizeof(PageRecord) == 8);

/// What keeps the tables of a process valid.
enum class Hold : std::uint32_t {
    unused,  ///< no such process
    pinned,  ///< its top table is pinned
    loaded,  ///< not pinned: a vCPU's cr3 holds it
    user,    ///< not pinned: vCPU 0's user table (cr1)
};

/// An address space of its own, or a part of one: a table of each level up to `top`, in a full one
/// the kernel's slots as well.
struct Process {
    Hold hold;
    std::uint32_t top;   ///< level of its highest table
    std::uint32_t vcpu;  ///< loaded: which one
    std::uint32_t reserved;
    std::array<std::uint64_t, 5> table;  ///< pfn by part (Abi), from 1
    std::array<std::uint64_t, 5> twin;   ///< its twin by part
};

inline constexpr std::size_t max_processes = 12;
inline constexpr std::size_t max_vcpus = 128;
inline constexpr std::uint32_t vcpu_infos_per_page = 64;

enum class P2mKind : std::uint32_t { list, tree };

/// Which pages are rewritten.
enum class DirtyPattern : std::uint32_t {
    random,  ///< any
    hot,     ///< some of Settings::hot_pages, again and again
    stream,  ///< one after the other, through all of memory
};

/// What was asked for on the command line of `create`.
struct Settings {
    std::uint64_t seed;
    std::uint64_t nr_pfns;  ///< size of the p2m
    std::uint32_t nr_vcpus;
    std::uint32_t nr_offline;  ///< of them, the last ones
    std::uint32_t dirty_rate;  ///< pages rewritten a quantum
    std::uint32_t period_ms;   ///< between quanta when running freely
    P2mKind p2m_kind;
    std::uint32_t workload;  ///< bits of Workload
    std::uint64_t p2m_vaddr;
    std::uint64_t nr_given_back;  ///< pages ballooned out at boot, in one range
    std::uint32_t grant_to;       ///< domain that may map a page, or 0
    std::uint32_t map_grant_of;   ///< domain whose page is to be mapped, or 0
    DirtyPattern dirty_pattern;
    std::uint32_t hot_pages;
    std::uint32_t table_rate;       ///< changes of processes a quantum
    std::uint32_t balloon_rate;     ///< pages that go out or in a quantum, at most
    std::uint32_t exchange_rate;    ///< pages that get another frame a quantum
    std::uint32_t p2m_move_period;  ///< quanta between moves of a p2m page, or 0
    std::uint32_t grants;           ///< version of the grant table that is wanted, or 0: no grants
    std::uint32_t grant_peer;       ///< domain that they are for
    std::uint32_t grant_pages;      ///< how many
    std::uint32_t grant_rate;       ///< that end, and are made, a quantum
    std::uint32_t grant_switch;     ///< quanta between switches of the version, or 0
    std::uint32_t map_grants_of;    ///< domain whose grants are mapped, or 0
    std::uint32_t map_hold;         ///< quanta for which they are held, or 0: for good
    std::uint32_t reserved;
};

enum Workload : std::uint32_t {
    workload_tables = 1,   ///< processes come and go
    workload_balloon = 2,  ///< pages go out and in
    workload_bad_pte = 4,  ///< a page-table entry names a frame that the p2m no longer knows
    workload_bad_m2p = 8,  ///< the M2P has another pfn for a frame than the p2m
    workload_keep_shared_info = 16,  ///< shared_info stays mapped over a suspend
    workload_plain_vcpus = 64,       ///< no MSRs, extended state and callbacks of vCPUs
    workload_keep_grant = 128,       ///< what was granted stays mapped over a suspend
    workload_silent_exchange = 256,  ///< exchanged pages are not written
    workload_need_v2 = 512,          ///< a grant table of version 1 will not do
    workload_stale = 32,  ///< pages that were tables once name frames that are gone, and stay so
};

/// Where the fixed structures are, by pfn.
struct Places {
    std::uint64_t start_info;
    std::uint64_t console_ring;
    std::uint64_t store_ring;
    std::uint64_t gdt;          ///< one page a vCPU
    std::uint64_t vcpu_info;    ///< of all vCPUs
    std::uint64_t records;      ///< first page of the PageRecord array
    std::uint64_t p2m_leaves;   ///< first page of p2m contents
    std::uint64_t nr_leaves;    ///< pages of p2m contents, the missing one excluded
    std::uint64_t p2m_missing;  ///< a page of holes that stands for every p2m page without contents
    std::uint64_t grants;       ///< first page of the GrantRecord array
    std::uint64_t frame_list;   ///< tree: the list of lists, then the lists
    std::uint64_t nr_frame_list;
    std::uint64_t tables;  ///< first page of the kernel's own tables
    std::uint64_t top_table;
    std::uint64_t data;  ///< first pfn that is not fixed
};

/// What the kernel knows of its own grant table.
struct GrantState {
    std::uint32_t version;      ///< of the table as it is
    std::uint32_t wanted;       ///< version that it is to have
    std::uint32_t unavailable;  ///< Xen does not know the wanted one, and need not be asked again
    std::uint32_t nr_frames;    ///< that are mapped, while any are
    std::uint32_t nr_refs;      ///< entries from here on have never been used
    std::uint32_t nr_grants;    ///< now, the directory excluded
    std::uint64_t nr_made;
    std::uint64_t nr_ended;
    std::uint64_t nr_busy;      ///< times that one could not end
    std::uint64_t nr_switches;  ///< of the version while it ran
    std::uint64_t nr_refused;   ///< switches that had to be tried again
};

/// A page of another domain that is mapped.
struct HeldGrant {
    std::uint32_t ref;
    std::uint32_t handle;
    std::uint32_t pfn;  ///< the other domain's
    std::uint32_t writable;
};

inline constexpr std::size_t max_held_grants = 8;

/// What the kernel has mapped of another domain.
struct MapperState {
    std::uint32_t nr_held;
    std::uint32_t reserved;
    std::uint64_t
        next_at;  ///< quantum in which all are let go, or if none is held others are mapped
    std::uint64_t nr_mapped;
    std::uint64_t nr_refused;
    std::uint64_t nr_reads;
    std::uint64_t nr_writes;
    std::array<HeldGrant, max_held_grants> held;
};

struct Verdict {
    std::uint64_t checks;  ///< how often everything was checked
    std::uint64_t nr_pages;
    std::uint64_t nr_tables;
    std::uint64_t nr_wrong;
    std::array<char, 400> text;
};

inline constexpr std::uint64_t state_magic = 0x6b65'726e'656c'2131;

/// The state page.
struct State {
    std::uint64_t magic;
    Settings settings;
    Places places;
    std::uint64_t count;  ///< quanta so far: the guest's heartbeat
    std::uint64_t random;
    std::uint64_t filled;     ///< pfns below it have been written once
    std::uint64_t stream_at;  ///< DirtyPattern::stream: the next pfn
    std::uint64_t nr_ballooned;
    std::uint64_t nr_suspends;
    std::uint64_t start_info_mfn;  ///< as it was when the guest suspended
    std::uint64_t p2m_generation;
    std::uint64_t console_written;  ///< octets
    std::uint32_t store_ready;      ///< the watch is set
    std::uint32_t store_request;
    std::uint32_t store_pause;  ///< quanta to wait before the store is asked again
    std::uint32_t vcpus_started;
    std::uint32_t no_xsave;  ///< the host's CPUs have none
    std::uint32_t grant_mapped;
    std::uint32_t grant_handle;
    std::uint32_t reserved;
    std::uint64_t odd_pfn;     ///< page of workload_bad_pte or workload_bad_m2p, or 0
    std::uint64_t kernel_cr3;  ///< pfn of the table vCPU 0 runs on
    std::uint64_t user_cr3;    ///< pfn of vCPU 0's user table, or 0
    GrantState grants;
    MapperState mapper;
    std::array<Process, max_processes> processes;
    Verdict verdict;
};
static_assert(sizeof(State) <= page_size && std::is_trivially_copyable_v<State>);

/// What vCPU 0 is at, in the low 12 bits of rip.
enum class Marker : std::uint64_t {
    boot = 0x000,
    running = 0x100,
    suspended = 0x200,
    idle = 0x300
};

[[nodiscard]] constexpr std::uint64_t rip_of(Marker marker, const Abi& abi) noexcept
{
    return abi.signature | static_cast<std::uint64_t>(marker);
}

}  // namespace fakexen::guest
