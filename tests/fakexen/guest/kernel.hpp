// SPDX-License-Identifier: LGPL-2.1-or-later
// The guest kernel during one quantum: its memory, its p2m, its records of pages.
#pragma once

#include "tests/fakexen/guest/address_space.hpp"
#include "tests/fakexen/guest/random.hpp"
#include "tests/fakexen/guest/state.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace fakexen::guest {

/// The kernel found itself in a state that it cannot explain: the guest crashes.
class Panic : public std::exception {
public:
    Panic(const char* format, ...) __attribute__((format(printf, 2, 3)));
    [[nodiscard]] const char* what() const noexcept override { return text_.c_str(); }

private:
    std::string text_;
};

class Kernel {
public:
    /// Finds its state by vCPU 0's registers. @throws PageFault, Panic
    Kernel(const Machine& machine, const Abi& abi, const vcpu_guest_context_t& context);

    /// Writes the state back to its page.
    void save() const;

    [[nodiscard]] const Machine& machine() const noexcept { return machine_; }
    [[nodiscard]] const AddressSpace& space() const noexcept { return space_; }
    [[nodiscard]] const Abi& abi() const noexcept { return abi_; }
    [[nodiscard]] Random random() noexcept { return Random{state.random}; }

    // Frames.
    [[nodiscard]] Mfn p2m(Pfn pfn) const;  ///< no_mfn for a hole
    void set_p2m(Pfn pfn, Mfn mfn) const;
    /// The pfn of a frame that is the guest's own by both directions.
    [[nodiscard]] std::optional<Pfn> pfn_of(Mfn mfn) const;

    // Pages by pfn, through the direct map.
    [[nodiscard]] std::span<std::byte, page_size> page(Pfn pfn, Access access) const
    {
        return space_.page(abi_.direct(pfn), access);
    }
    template <typename T>
    [[nodiscard]] T load(Pfn pfn, std::size_t offset = 0) const
    {
        return space_.load<T>(abi_.direct(pfn) + offset);
    }
    template <typename T>
    void store(Pfn pfn, std::size_t offset, const T& value) const
    {
        space_.store(abi_.direct(pfn) + offset, value);
    }
    /// Entry n of a page of frame numbers in the guest's width.
    void store_entry(Pfn pfn, std::uint64_t n, Mfn mfn) const
    {
        space_.store_number(abi_.direct(pfn) + n * abi_.width, abi_.width, mfn);
    }
    /// Changes how the direct map maps a page that has a frame; flags 0: not at all.
    void remap(Pfn pfn, std::uint64_t flags) const;
    /// Writes one entry of a table that is in use. @return what Xen says
    [[nodiscard]] std::int64_t update_entry(Mfn table, std::size_t slot, std::uint64_t entry) const;

    // Records.
    [[nodiscard]] PageRecord record(Pfn pfn) const;
    void set_record(Pfn pfn, const PageRecord& record) const;
    /// The records from pfn to the last in the same page, in place: one walk of the page tables for up to 512.
    [[nodiscard]] std::span<const PageRecord> records_from(Pfn pfn) const;
    /// Some page of plain data; nothing if luck is out.
    [[nodiscard]] std::optional<Pfn> pick_data();
    /// The same, and no process maps it.
    [[nodiscard]] std::optional<Pfn> pick_free_data();

    // Start info and shared info.
    [[nodiscard]] std::uint64_t start_info(Field field) const
    {
        return space_.load_number(abi_.direct(state.places.start_info) + field.offset, field.width);
    }
    void set_start_info(Field field, std::uint64_t value) const
    {
        space_.store_number(abi_.direct(state.places.start_info) + field.offset, field.width,
                            value);
    }
    [[nodiscard]] std::uint32_t console_port() const
    {
        return static_cast<std::uint32_t>(start_info(abi_.start_info.console_evtchn));
    }
    [[nodiscard]] std::uint32_t store_port() const
    {
        return static_cast<std::uint32_t>(start_info(abi_.start_info.store_evtchn));
    }
    [[nodiscard]] Va shared_info_va() const noexcept { return abi_.fixmap; }
    void set_shared_info(Field field, std::uint64_t value) const
    {
        space_.store_number(shared_info_va() + field.offset, field.width, value);
    }

    [[nodiscard]] std::uint32_t nr_online() const noexcept
    {
        return state.settings.nr_vcpus - state.settings.nr_offline;
    }

    /// Writes a line into the console ring, as long as there is room.
    void print(const std::string& line);

    State state{};

private:
    [[nodiscard]] Va record_va(Pfn pfn) const;

    const Machine& machine_;
    const Abi& abi_;
    AddressSpace space_;
    Va state_va_;
};

/// Panics, saying what, if a hypercall that must succeed did not.
void must(std::int64_t result, const char* call);

}  // namespace fakexen::guest
