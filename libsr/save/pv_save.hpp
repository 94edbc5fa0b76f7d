// SPDX-License-Identifier: LGPL-2.1-or-later
// The sequence of a save of a PV domain, from a domain to a stream.
#pragma once

#include "libsr/save/page_sender.hpp"
#include "libsr/save/precopy_loop.hpp"
#include "libsr/save/pv_guest.hpp"
#include "libsr/save/save_progress.hpp"
#include "libsr/save/stale_types.hpp"
#include "libsr/wire/stream_writer.hpp"
#include "libsr/xen/dirty_log.hpp"
#include "libsr/xen/domain.hpp"
#include "libsr/xen/grant_table.hpp"

#include <optional>
#include <vector>

namespace sr {

/// One save of a PV domain.
class PvSave final : private LiveMemory {
public:
    /// Borrows all. @param info  of now: a domain that is not to be saved live is suspended
    PvSave(const Domain& domain, const DomainInfo& info, Sink& sink, const SaveSettings& settings,
           SaveCaller& caller, Logger& log);

    void run();

private:
    [[nodiscard]] bool is_checkpointed() const noexcept
    {
        return settings_.kind == StreamKind::checkpointed;
    }
    /// The guest runs between the first page and the last.
    [[nodiscard]] bool runs_meanwhile() const noexcept { return dirty_log_.has_value(); }

    void start_stream();
    void start_log();
    void send_rest_of_guest();
    void stop_guest();
    void send_memory();
    void want_what_changed();
    void note_p2m_changes();
    void demote_stale_tables();
    void send_again_to_verify();
    [[nodiscard]] bool checkpoint();

    std::uint64_t send_round(std::uint32_t round) override;
    std::uint64_t fetch_dirty() override;

    const Domain& domain_;
    DomainInfo info_;
    SaveSettings settings_;
    SaveCaller& caller_;
    Logger& log_;
    SaveProgress progress_;
    XenVersion version_;
    PvGuest guest_;
    StreamWriter writer_;
    std::optional<TablesInUse> tables_in_use_;
    std::optional<DirtyLog> dirty_log_;
    std::optional<GrantTable> grants_;  ///< if it is to be recorded
    std::vector<Pfn> rings_;            ///< of xenstore and console, once the guest stands still
    bool all_sent_ = false;             ///< each page went once
    bool p2m_changed_ = false;          ///< since all the tables were sent of which a reader knows
    PageSender pages_;  // last: its thread, which ends with it, asks the tables in use
};

}  // namespace sr
