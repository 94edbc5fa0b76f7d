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
#pragma once

#include "tests/fakexen/protocol/xen.hpp"

#include <cstddef>
#include <cstdint>

namespace fakexen::protocol {

inline constexpr std::uint32_t version = 1;

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
    store,         ///< Store, both ways: opaque to all but the store
    control,       ///< Control → ControlReply, of the fakexen command
};

/// Who is talking. A dom0 client may do what dom0's toolstack may; a guest what a PV domU may.
enum class Role : std::uint32_t { dom0 = 0, guest = 1 };

struct Header {
    Kind kind = Kind::hello;
    std::uint32_t reserved = 0;
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

/// Machine memory is one sparse file: RAM frames, then the frames of the M2P table.
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
        0;                        ///< M2P entry of mfn: the 8 octets at m2p_file_offset + mfn * 8
    std::uint64_t file_size = 0;  ///< of the whole memory file
    std::int32_t host_pid = 0;
    std::uint32_t reserved = 0;
};

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

}  // namespace fakexen::protocol
