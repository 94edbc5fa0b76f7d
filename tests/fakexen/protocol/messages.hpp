// SPDX-License-Identifier: LGPL-2.1-or-later
// The messages between a fakexen host and its clients: the contract of everything under tests/fakexen.
//
// A host listens on HOST/socket (SOCK_SEQPACKET), HOST being a directory; FAKEXEN_HOST names that directory.
// One message is one packet: a struct below, in the machine's own byte order, then its payload if it has one.
//
// - The first message of a connection is Hello. HelloReply carries the descriptor of machine memory (SCM_RIGHTS).
// - After that every request has exactly one reply, in order. The exception is Kind::store: store messages travel
//   both ways at any time, so a user of the store gives them a connection of their own.
// - A process may have several connections: the host counts them as one client (by process id). When the last one
//   closes, the process is taken for dead, and all that it held is released.
// - Arguments of hypercalls are passed by address: the host copies from and to the memory of the calling process
//   (process_vm_readv). So a guest program passes pointers of its own process, never guest addresses; only what Xen
//   takes as a guest virtual address (update_va_mapping, MMUEXT_INVLPG…) is one here.
// - A program that plays a 32-bit guest is a 64-bit process, and so are its structures: hypercalls, ReadVcpu, WriteVcpu
//   and VCPUOP_initialise take and give the layouts of a 64-bit guest. Toolstacks see the 32-bit ones, as Xen has it. In
//   the 64-bit vcpu_guest_context_t of a 32-bit guest ctrlreg[3] is the frame of its L3 shifted by 12 (not rotated),
//   and syscall_callback_eip holds the code selectors of the event callback (low half) and the failsafe callback (high
//   half). A callback's address (callback_register_t) has the selector in its low half and the address in the high one;
//   set_callbacks takes (event selector, event address, failsafe selector, failsafe address).
//   What lies in guest memory is the guest's: shared_info, vcpu_info and start_info have the 32-bit layouts there
//   (xen/foreign/x86_32.h); Xen's side of it (pending events) is written so.
// - Grants: GNTTABOP_setup_table tells a guest the mfns of its own table, which are frames of the memory file.
//   It writes {GTF_permit_access, domid of the peer, mfn} into an entry there. The peer maps it with GNTTABOP_map_grant_ref
//   and GNTMAP_host_map: host_addr is a virtual address whose L1 entry exists, or with GNTMAP_contains_pte the machine
//   address of an entry (mfn of an L1 in use << 12 | slot * 8). The entry then names the other domain's frame, writable
//   unless GNTMAP_readonly. GNTTABOP_unmap_grant_ref takes the handle and the same host_addr.
#pragma once

#include "tests/fakexen/protocol/xen.hpp"

#include <cstddef>
#include <cstdint>

namespace fakexen::protocol {

inline constexpr std::uint32_t version = 4;

/// Name of the socket in the directory HOST.
inline constexpr char socket_name[] = "socket";

/// No message is longer than this, payload included.
inline constexpr std::size_t message_limit = std::size_t{64} * 1024;

/// What a message is; a reply carries the kind of its request.
enum class Kind : std::uint32_t {
    hello = 1,     ///< Hello → HelloReply
    bye,           ///< Bye → Reply: a clean end is near; the host now looks what is still mapped
    hypercall,     ///< Hypercall → Reply
    map,           ///< Map → Reply, foreign frames
    map_resource,  ///< MapResource → Reply, grant table frames
    unmap,         ///< Unmap → Reply
    run_quantum,   ///< RunQuantum → RunQuantumReply, role guest only
    read_vcpu,     ///< ReadVcpu → ReadVcpuReply, role guest only
    write_vcpu,    ///< WriteVcpu → Reply, role guest only
    mark_dirty,    ///< MarkDirty → Reply, role guest only
    store,         ///< Store, both ways: opaque to all but the store
    control,       ///< Control → ControlReply, of the fakexen command
    read_vcpu_state,   ///< ReadVcpuState → ReadVcpuStateReply, role guest only
    write_vcpu_state,  ///< WriteVcpuState → Reply, role guest only
    map_grants,        ///< MapGrants → Reply, pages that other domains grant dom0
};

/// Who is talking. A dom0 client may do what dom0's toolstack may; a guest what a PV domU may.
enum class Role : std::uint32_t { dom0 = 0, guest = 1 };

struct Header {
    Kind kind = Kind::hello;
    std::uint32_t delay_us =
        0;  ///< of a reply: whoever gets it pretends that it came so much later
};

/// The usual answer. result: as the hypervisor returns it, ≥ 0 or a negative errno.
struct Reply {
    Header header;
    std::int64_t result = 0;
};

// ---- Connecting -----------------------------------------------------------------------------

struct Hello {
    Header header{Kind::hello};
    std::uint32_t version = protocol::version;
    Role role = Role::dom0;
    std::uint32_t domid =
        0;                 ///< of a guest: whose kernel and CPUs it plays; one connection a domain
    char fail[1024] = {};  ///< $FAKEXEN_FAIL, "call:nth:errno,…", or empty
};

/// Machine memory is one sparse file: RAM frames, then the frames of the M2P table, then those of
/// the compat M2P.
/// Frame mfn of RAM, first_mfn ≤ mfn < first_mfn + nr_frames, lies at file offset
/// (mfn - first_mfn) * 4096.
struct HelloReply {
    Header header;
    std::int64_t result =
        0;  ///< -EPROTO (version), -ESRCH (no such domain), -EBUSY (already played)
    std::uint64_t first_mfn = 0;
    std::uint64_t nr_frames = 0;
    std::uint64_t max_mfn = 0;  ///< the highest mfn of RAM; XENMEM_maximum_ram_page is one more
    std::uint64_t m2p_first_mfn = 0;  ///< machine frames of the M2P table, outside 0..max_mfn
    std::uint64_t m2p_nr_frames = 0;
    std::uint64_t m2p_file_offset =
        0;  ///< M2P entry of mfn: the 8 octets at m2p_file_offset + mfn * 8
    std::uint64_t compat_m2p_first_mfn = 0;  ///< machine frames of the M2P for 32-bit guests
    std::uint64_t compat_m2p_nr_frames = 0;
    std::uint64_t compat_m2p_file_offset = 0;  ///< entries of 4 octets, up to 1 GiB of them
    std::uint64_t file_size = 0;               ///< of the whole memory file
    std::int32_t host_pid = 0;
    std::uint32_t flags = 0;  ///< host_…
};

/// The fake libraries refuse what needs get_user_pages (lib/gup_filter.hpp).
inline constexpr std::uint32_t host_refuses_gup = 1U << 0;

struct Bye {
    Header header{Kind::bye};
};

// ---- Hypercalls -----------------------------------------------------------------------------

struct Hypercall {
    Header header{Kind::hypercall};
    std::uint32_t op = 0;    ///< __HYPERVISOR_…
    std::uint32_t vcpu = 0;  ///< role guest: which vCPU makes the call
    std::uint64_t args[6] = {};
};

// ---- Foreign memory -------------------------------------------------------------------------

/// xenforeignmemory_map2. The library reserves [address, address + nr_pages * 4096) by a PROT_NONE
/// mapping of the memory file *before* it asks, so that /proc/PID/maps never shows less than what
/// the host has granted.
struct Map {
    Header header{Kind::map};
    std::uint32_t domid = 0;
    std::int32_t prot = 0;  ///< PROT_READ | PROT_WRITE as given
    std::uint64_t nr_pages = 0;
    std::uint64_t gfns = 0;     ///< address of nr_pages xen_pfn_t, read by the host
    std::uint64_t offsets = 0;  ///< address of nr_pages int64_t: file offset or -errno, by the host
    std::uint64_t address = 0;  ///< of the reservation
    std::uint32_t all_or_nothing =
        0;  ///< 1: no err array; the first errno is the result, none is held
    std::uint32_t reserved = 0;
};

/// xenforeignmemory_map_resource. With nr_pages 0 the result is the resource's size in frames.
struct MapResource {
    Header header{Kind::map_resource};
    std::uint32_t domid = 0;
    std::uint32_t type = 0;  ///< XENMEM_resource_…
    std::uint32_t id = 0;
    std::int32_t prot = 0;
    std::uint64_t frame = 0;
    std::uint64_t nr_pages = 0;
    std::uint64_t offsets = 0;  ///< as in Map
    std::uint64_t address = 0;
};

/// xengnttab_map_grant_refs, one page a grant: all or none. The range is reserved as for Map, and Unmap ends it.
struct MapGrants {
    Header header{Kind::map_grants};
    std::int32_t prot = 0;
    std::uint32_t nr_pages = 0;
    std::uint64_t domids = 0;   ///< address of nr_pages uint32_t, read by the host
    std::uint64_t refs = 0;     ///< likewise
    std::uint64_t offsets = 0;  ///< as in Map, but no errnos
    std::uint64_t address = 0;
    std::uint32_t notify_offset =
        ~0U;  ///< of an octet in each page that becomes 0 when it is unmapped; ~0: of none
    std::uint32_t notify_port = ~0U;  ///< of dom0, sent on when a page is unmapped; ~0: none
};

/// The library has unmapped [address, address + nr_pages * 4096).
struct Unmap {
    Header header{Kind::unmap};
    std::uint64_t address = 0;
    std::uint64_t nr_pages = 0;
};

// ---- Guests ---------------------------------------------------------------------------------
//
// A guest program runs in quanta. RunQuantum ends the quantum that runs, if any, and asks for the
// next; the answer comes when the domain may run: not paused, not shut down, and in step mode
// granted by `fakexen step`. Between quanta it keeps no state of its own: all is in guest memory
// and in the vCPUs' registers, which it reads after an answer and writes before it asks again.
// During a quantum it may write guest memory, make hypercalls and write registers; after
// SCHEDOP_shutdown it touches nothing until the next answer. Pausing and log-dirty CLEAN and PEEK
// wait for the end of the quantum: keep it short (a few milliseconds).

struct RunQuantum {
    Header header{Kind::run_quantum};
    std::uint32_t idle_ms =
        0;  ///< nothing to do: may wait so long, or until an event channel is pending
    std::uint32_t reserved = 0;
};

enum class Verdict : std::uint32_t {
    go = 0,    ///< the quantum begins
    gone = 1,  ///< the domain is destroyed: the program ends
};

struct RunQuantumReply {
    Header header;
    Verdict verdict = Verdict::go;
    std::uint32_t vcpus_written = 0;  ///< 1: the toolstack set a vCPU's registers, or resumed the
                                      ///< domain, since the last
    std::uint32_t log_dirty = 0;      ///< 1: stores of this quantum are to be told by MarkDirty
    std::uint32_t reserved = 0;
};

/// What a CPU's stores do in log-dirty mode: the frames' owners have these pfns marked. To be sent before the quantum ends,
/// so that CLEAN and PEEK, which wait for that, see all of it. In order of the stores or not, repeated or not. Hypercalls mark
/// by themselves what they change. Result -EBUSY outside a quantum.
struct MarkDirty {
    Header header{Kind::mark_dirty};
    std::uint64_t mfns =
        0;  ///< address of nr_mfns uint64_t: machine frames of RAM that were written
    std::uint64_t nr_mfns = 0;
};

struct ReadVcpu {
    Header header{Kind::read_vcpu};
    std::uint32_t vcpu = 0;
    std::uint32_t reserved = 0;
};

/// The vCPU as XEN_DOMCTL_getvcpucontext would show it.
struct ReadVcpuReply {
    Header header;
    std::int64_t result = 0;  ///< 0, or -ENOENT: there is no such vCPU
    std::uint32_t online = 0;
    std::uint32_t reserved = 0;
    vcpu_guest_context_t context = {};
};

/// What a CPU changes by itself: the host takes user_regs, fpu_ctxt, fs_base, gs_base_kernel and
/// gs_base_user; all else needs a hypercall. Result -EBUSY outside a quantum: the domain is paused
/// and not yours to change.
struct WriteVcpu {
    Header header{Kind::write_vcpu};
    std::uint32_t vcpu = 0;
    std::uint32_t reserved = 0;
    vcpu_guest_context_t context = {};
};

/// A model-specific register.
struct VcpuMsr {
    std::uint32_t index = 0;
    std::uint32_t reserved = 0;
    std::uint64_t value = 0;
};

/// What a vCPU has beside its context, as a CPU sees it by RDMSR and XSAVE.
struct VcpuState {
    std::uint32_t nr_msrs = 0;
    std::uint32_t xsave_length = 0;
    VcpuMsr msrs[8];
    std::byte xsave[1024] =
        {};  ///< xcr0, xcr0_accum, then the uncompressed area: as getvcpuextstate
};

struct ReadVcpuState {
    Header header{Kind::read_vcpu_state};
    std::uint32_t vcpu = 0;
    std::uint32_t reserved = 0;
};

struct ReadVcpuStateReply {
    Header header;
    std::int64_t result = 0;  ///< 0, or -ENOENT: there is no such vCPU
    VcpuState state;          ///< MSRs that are not zero
    xen_domctl_ext_vcpucontext extended = {};
};

/// WRMSR and XSETBV with what is in the registers then. Result -EBUSY outside a quantum; else as set_vcpu_msrs and
/// setvcpuextstate have it.
struct WriteVcpuState {
    Header header{Kind::write_vcpu_state};
    std::uint32_t vcpu = 0;
    std::uint32_t reserved = 0;
    VcpuState state;
};

// ---- Store and control ----------------------------------------------------------------------

/// Followed by the store's own octets. See store_port.hpp for the host's side.
struct Store {
    Header header{Kind::store};
};

/// Followed by a JSON object: {"command": "show", …}. See host/control.cpp.
struct Control {
    Header header{Kind::control};
};

/// Followed by a piece of the JSON answer; pieces come until one says it is the last.
struct ControlReply {
    Header header;
    std::uint32_t more = 0;  ///< 1: another piece follows
    std::uint32_t reserved = 0;
};

// ---- Guests that the host starts by itself --------------------------------------------------

/// A domain is played by fakexen-guest if the page of vCPU 0's rip is this one; the low 12 bits are
/// the guest program's own. When such a domain is first unpaused and nobody plays it, the host
/// starts `fakexen-guest --attach DOMID` with FAKEXEN_HOST set.
inline constexpr std::uint64_t guest_signature_rip = 0xffff'ffff'fa4e'c000;
inline constexpr std::uint64_t guest_signature_mask = ~std::uint64_t{0xfff};
/// The same for a 32-bit guest.
inline constexpr std::uint64_t guest_signature_eip = guest_signature_rip & 0xffff'ffff;

}  // namespace fakexen::protocol
