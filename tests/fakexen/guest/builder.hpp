// SPDX-License-Identifier: LGPL-2.1-or-later
// fakexen-guest create: a domain builder with dom0's rights.
#pragma once

#include "tests/fakexen/guest/page_tables.hpp"
#include "tests/fakexen/guest/plan.hpp"
#include "tests/fakexen/guest/toolstack.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace fakexen::guest {

struct CreateOptions {
    std::string name;
    Shape shape;
    Settings settings{};
    unsigned bits = 64;
    std::optional<std::uint32_t> max_grant_version;
    bool paused = false;  ///< leave it paused
};

/// Creates one domain. On failure the destructor destroys what there is of it.
class Builder {
public:
    Builder(Toolstack& toolstack, const CreateOptions& options);
    Builder(const Builder&) = delete;
    Builder& operator=(const Builder&) = delete;
    ~Builder();

    /// All of it, up to the unpause. @return the domid
    [[nodiscard]] std::uint32_t create();

private:
    void create_domain();
    void set_width();
    void populate();
    void prepare_tables();
    void write_memory();
    void write_page(Pfn pfn, std::span<std::byte> page) const;
    void write_table(const PageTables::Table& table, std::span<std::byte> page) const;
    void write_p2m_page(std::uint64_t n, std::span<std::byte> page) const;
    void write_start_info(std::span<std::byte> page) const;
    void write_state(std::span<std::byte> page) const;
    void pin_top_table();
    void set_registers();
    void write_store();
    [[nodiscard]] std::uint64_t flags_of(Pfn pfn) const;
    [[nodiscard]] std::uint64_t p2m_entry(Pfn pfn) const;

    Toolstack& toolstack_;
    const CreateOptions& options_;
    const Abi& abi_;
    Plan plan_;
    PageTables tables_;
    std::vector<Mfn> p2m_;
    std::uint32_t domid_ = 0;  ///< 0: none, or not ours to destroy any more
    std::uint64_t shared_info_mfn_ = 0;
    std::uint32_t store_port_ = 0;
    std::uint32_t console_port_ = 0;
};

}  // namespace fakexen::guest
