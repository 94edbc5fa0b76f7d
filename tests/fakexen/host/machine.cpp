// SPDX-License-Identifier: LGPL-2.1-or-later
// Machine memory: the file, its mapping, the M2P table and the shuffled free list.
#include "tests/fakexen/host/machine.hpp"

#include "libsr/base/error.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>
#include <utility>

namespace fakexen {
namespace {

constexpr std::uint64_t frames_per_2mib = 512;
constexpr std::uint64_t compat_m2p_size_max = std::uint64_t{1} << 30;  ///< the room Xen has for it

constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t unit)
{
    return (value + unit - 1) / unit * unit;
}

}  // namespace

const char* to_string(FrameType type) noexcept
{
    switch (type) {
    case FrameType::none:
        return "none";
    case FrameType::l1_table:
        return "L1";
    case FrameType::l2_table:
        return "L2";
    case FrameType::xen_l2_table:
        return "L2 with Xen's entries";
    case FrameType::l3_table:
        return "L3";
    case FrameType::l4_table:
        return "L4";
    case FrameType::segment:
        return "segment";
    case FrameType::writable:
        return "writable";
    }
    return "?";
}

// The M2P is a whole number of 2 MiB pieces and ends where Xen's does, which may be exactly behind the last entry.
Machine::Machine(const MachineConfig& config)
    : config_{config}, m2p_offset_{round_up(config.nr_frames, frames_per_2mib) * page_size},
      m2p_size_{round_up((config.first_mfn + config.nr_frames) * sizeof(std::uint64_t),
                         frames_per_2mib * page_size)},
      compat_m2p_size_{
          std::min(round_up((config.first_mfn + config.nr_frames) * sizeof(std::uint32_t),
                            frames_per_2mib * page_size),
                   compat_m2p_size_max)},
      m2p_first_mfn_{round_up(config.first_mfn + config.nr_frames, frames_per_2mib) * 4},
      frames_(config.nr_frames), free_{config.nr_frames,
                                       std::max<std::uint64_t>(config.shuffle_run, 1), config.seed}
{
    file_ = sr::Fd{::memfd_create("fakexen-memory", MFD_CLOEXEC)};
    if (!file_ || ::ftruncate(file_.get(), static_cast<off_t>(file_size())) != 0) {
        throw sr::Error::from_errno(sr::Errc::io, errno, "making machine memory");
    }
    void* at = ::mmap(nullptr, file_size(), PROT_READ | PROT_WRITE, MAP_SHARED, file_.get(), 0);
    if (at == MAP_FAILED) {
        throw sr::Error::from_errno(sr::Errc::io, errno, "mapping machine memory");
    }
    mapped_ = static_cast<std::byte*>(at);
    std::fill_n(mapped_ + m2p_offset_, m2p_size_ + compat_m2p_size_, std::byte{0xff});
    if (config.resident) {
        const auto length = static_cast<off_t>(config.nr_frames * page_size);
        if (::fallocate(file_.get(), 0, 0, length) != 0) {
            throw sr::Error::from_errno(sr::Errc::io, errno, "taking all machine memory at once");
        }
    }
}

Machine::~Machine()
{
    if (mapped_ != nullptr) {
        (void)::munmap(mapped_, file_size());
    }
}

std::uint64_t Machine::file_offset(Mfn mfn) const noexcept
{
    return is_ram(mfn) ? (mfn.number() - first_mfn()) * page_size
                       : m2p_offset_ + (mfn.number() - m2p_first_mfn_) * page_size;
}

std::span<std::byte> Machine::contents(Mfn mfn) const
{
    return {mapped_ + file_offset(mfn), page_size};
}

std::span<std::uint64_t> Machine::entries(Mfn mfn) const
{
    void* at = mapped_ + file_offset(mfn);
    return {static_cast<std::uint64_t*>(at), page_size / sizeof(std::uint64_t)};
}

std::uint64_t& Machine::m2p_entry(Mfn mfn) const
{
    void* at = mapped_ + m2p_offset_ + mfn.number() * sizeof(std::uint64_t);
    return *static_cast<std::uint64_t*>(at);
}

std::uint32_t& Machine::compat_m2p_entry(Mfn mfn) const
{
    void* at = mapped_ + compat_m2p_file_offset() + mfn.number() * sizeof(std::uint32_t);
    return *static_cast<std::uint32_t*>(at);
}

std::uint64_t Machine::m2p(Mfn mfn) const
{
    if (!is_ram(mfn)) {
        return invalid_m2p_entry;
    }
    return m2p_entry(mfn);
}

void Machine::set_m2p(Mfn mfn, std::uint64_t pfn)
{
    if (is_ram(mfn)) {
        m2p_entry(mfn) = pfn;
        if (mfn.number() < compat_m2p_size_ / sizeof(std::uint32_t)) {
            compat_m2p_entry(mfn) = static_cast<std::uint32_t>(pfn);
        }
    }
}

std::optional<Mfn> Machine::take_free_extent(unsigned order)
{
    const auto index = free_.take_extent(std::uint64_t{1} << order);
    return index ? std::optional{Mfn{first_mfn() + *index}} : std::nullopt;
}

void Machine::give_back(Mfn mfn)
{
    frame(mfn) = FrameState{};
    set_m2p(mfn, invalid_m2p_entry);
    free_.give_back(mfn.number() - first_mfn());
}

void Machine::scrub_free()
{
    if (config_.resident) {
        return;
    }
    std::uint64_t start = 0;
    for (std::uint64_t index = 0; index <= nr_frames(); ++index) {
        if (index < nr_frames() && frames_[index].owner == nullptr) {
            continue;
        }
        if (index > start) {
            (void)::fallocate(file_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                              static_cast<off_t>(start * page_size),
                              static_cast<off_t>((index - start) * page_size));
        }
        start = index + 1;
    }
}

}  // namespace fakexen
