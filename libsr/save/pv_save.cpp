// SPDX-License-Identifier: LGPL-2.1-or-later
// Saving a PV domain.
#include "libsr/save/pv_save.hpp"

#include "libsr/save/grant_records.hpp"
#include "libsr/save/guest_state.hpp"
#include "libsr/save/moved_pages.hpp"
#include "libsr/save/pv_records.hpp"
#include "libsr/save/restorable.hpp"

#include <cinttypes>
#include <utility>

namespace sr {
namespace {

/// Stale tables that the log names one by one: a guest decides how many there are, and stands still.
constexpr std::uint64_t stale_tables_named = 32;

bool finds_stale_types(StaleTypes choice, XenVersion version) noexcept
{
    return choice == StaleTypes::on ||
           (choice == StaleTypes::automatic && reports_stale_types(version));
}

}  // namespace

PvSave::PvSave(const Domain& domain, const DomainInfo& info, Sink& sink,
               const SaveSettings& settings, SaveCaller& caller, Logger& log)
    : domain_{domain}, info_{info}, settings_{settings}, caller_{caller}, log_{log},
      progress_{sink, caller}, version_{domain.host().version()}, guest_{domain, info},
      writer_{sink, {DomainType::x86_pv, version_.major, version_.minor}, settings.kind},
      pages_{domain,    guest_, writer_,
             progress_, log,    !info.suspended() || settings.kind == StreamKind::checkpointed}
{
}

void PvSave::run()
{
    start_stream();
    start_log();
    if (!info_.suspended()) {
        run_precopy(
            *this, [this](const PrecopyStats& stats) { return caller_.decide(stats); },
            pages_.sets().nr_pfns());
    }
    do {
        send_rest_of_guest();
    } while (is_checkpointed() && checkpoint());
    if (!is_checkpointed()) {
        writer_.write_record(RecordType::end);
    }
}

void PvSave::start_stream()
{
    progress_.report(Phase::setup);
    write_static_records(domain_, guest_.abi(), writer_);
    if (settings_.grants) {
        grants_.emplace(domain_);
        write_grant_table_info(domain_, *grants_, settings_.max_grant_version, writer_, log_);
    }
    writer_.write_record(RecordType::static_data_end);
    write_p2m_frames(guest_, writer_);
    log_.verbose("domain %u: %" PRIu64 " pfns, p2m as a %s", domain_.domid(),
                 pages_.sets().nr_pfns(), to_string(guest_.layout().kind));
    pages_.sets().want_all();
}

/// Before the first page is read: what changes from then on is known to have changed.
void PvSave::start_log()
{
    if (!info_.suspended() || is_checkpointed()) {
        dirty_log_.emplace(domain_, pages_.sets().nr_pfns(), log_);
    }
}

std::uint64_t PvSave::send_round(std::uint32_t round)
{
    const PassKind kind = all_sent_ ? PassKind::live : PassKind::live_first;
    const std::uint64_t nr_sent = pages_.send(kind, info_.max_pages);
    all_sent_ = true;
    log_.info("domain %u: round %u: %" PRIu64 " pages sent while it runs, %" PRIu64
              " left until it stands still",
              domain_.domid(), round, nr_sent, pages_.sets().nr_deferred());
    info_ = savable_info(domain_);
    if (info_.suspended()) {
        caller_.guest_has_suspended();
    }
    return nr_sent;
}

std::uint64_t PvSave::fetch_dirty()
{
    const std::uint64_t nr_dirty = dirty_log_->clean();
    pages_.sets().want(dirty_log_->words());
    note_p2m_changes();
    log_.info("domain %u: %" PRIu64 " pages dirty", domain_.domid(), nr_dirty);
    return nr_dirty;
}

/// The guest stands still: all of it that a reader does not have yet.
void PvSave::send_rest_of_guest()
{
    stop_guest();
    send_memory();
    if (settings_.verify && !is_checkpointed()) {
        send_again_to_verify();
    }
    progress_.report(Phase::completion);
    if (grants_) {
        write_grant_table_entries(domain_, *grants_, guest_.translator(), writer_, log_);
    }
    write_machine_records(domain_, info_, guest_, writer_);
    check_still_suspended(domain_);
}

void PvSave::stop_guest()
{
    const bool was_running = !info_.suspended() || all_sent_;
    caller_.check_cancelled();  // not a guest that runs well
    if (was_running) {
        info_ = suspended_info(domain_, caller_);
        caller_.check_cancelled();
    }
    if (!was_running || !guest_.rediscover_p2m(info_)) {
        return;
    }
    p2m_changed_ = true;
    log_.info("domain %u: its p2m has other frames or another size now", domain_.domid());
    const std::uint64_t nr_pfns = guest_.highest_pfn().number() + 1;
    pages_.sets().grow(nr_pfns);
    dirty_log_->resize(nr_pfns);
    write_p2m_frames(guest_, writer_);
}

void PvSave::send_memory()
{
    if (runs_meanwhile()) {
        want_what_changed();
    }
    if (finds_stale_types(settings_.stale_types, version_)) {
        demote_stale_tables();
    }
    rings_ = check_restorable(domain_, guest_, tables_in_use_ ? &tables_in_use_->tables : nullptr);
    for (const Pfn ring : rings_) {
        pages_.sets().want(ring);
    }
    const PassKind kind = all_sent_ ? PassKind::rest : PassKind::whole;
    const std::uint64_t nr_sent = pages_.send(kind, info_.nr_pages);
    all_sent_ = true;
    if (runs_meanwhile()) {
        log_.info("domain %u: %" PRIu64 " pages sent while it stood still", domain_.domid(),
                  nr_sent);
    }
    if (pages_.sent().nr_with_contents() > info_.nr_pages) {
        throw Error{Errc::guest,
                    "the p2m of domain %u holds %" PRIu64 " frames, more than its %" PRIu64
                    " pages: some stand at several pfns",
                    domain_.domid(), pages_.sent().nr_with_contents(), info_.nr_pages};
    }
}

void PvSave::want_what_changed()
{
    DirtySets& sets = pages_.sets();
    const std::uint64_t nr_dirty = dirty_log_->clean_final();
    note_p2m_changes();
    const bool sends_tables = std::exchange(p2m_changed_, false);
    if (!all_sent_) {
        return;  // all of them are wanted
    }
    sets.want(dirty_log_->words());
    const std::uint64_t nr_deferred = sets.nr_deferred();
    sets.want_deferred();
    const std::uint64_t nr_moved = want_moved(guest_.p2m(), pages_.sent(), sets);
    log_.info("domain %u stands still: %" PRIu64 " pages dirty, %" PRIu64 " left before, %" PRIu64
              " moved or gone",
              domain_.domid(), nr_dirty, nr_deferred, nr_moved);
    if (sends_tables) {
        const std::uint64_t nr_tables = want_tables(pages_.sent(), sets);
        log_.verbose("domain %u: its p2m changed, so all %" PRIu64 " page tables go out again",
                     domain_.domid(), nr_tables);
    }
}

/// A table that was sent names pfns. The guest may move a frame to another one, and leave the entry that holds it alone: the
/// table is not dirty then, and nothing shows the move but the p2m, which is memory of the guest's too. What it was in
/// between nobody knows: by the time that the guest stands still both pfns may have been sent again.
void PvSave::note_p2m_changes()
{
    p2m_changed_ = p2m_changed_ || any_dirty(dirty_log_->words(), guest_.p2m_frames());
}

/// Takes tables that are not in use for the ordinary pages that they are, from here on. Those that were sent as tables while the guest ran
/// go out again.
void PvSave::demote_stale_tables()
{
    tables_in_use_ = find_tables_in_use(domain_, info_, guest_);
    const TableReach& tables = tables_in_use_->tables;
    pages_.set_tables_in_use(&tables);
    const std::uint64_t nr_again =
        all_sent_ ? want_demoted(tables, pages_.sent(), pages_.sets()) : 0;
    progress_.now.stale_tables = tables.nr_stale();
    progress_.now.stale_types_ns = static_cast<std::uint64_t>(tables_in_use_->spent.count());
    log_.info("domain %u: of %" PRIu64 " page tables %" PRIu64
              " are not in use and go out as ordinary pages; finding them took %.1f ms while "
              "the guest stood still",
              domain_.domid(), tables.nr_tables(), tables.nr_stale(),
              static_cast<double>(progress_.now.stale_types_ns) / 1e6);
    if (nr_again != 0) {
        log_.info("domain %u: %" PRIu64 " pages were sent as tables while it ran, and are none",
                  domain_.domid(), nr_again);
    }
    std::uint64_t nr_named = 0;
    tables.for_each_stale([&](Pfn pfn) {
        if (nr_named++ < stale_tables_named) {
            log_.debug("pfn %#" PRIx64 " is no page table, though the hypervisor says so",
                       pfn.number());
        }
    });
}

/// The rings may rightly differ: xenstored and xenconsoled write to them, guest or no guest, and no log shows it. So may pages that
/// backends write to by grant; which these are is not asked, and sr.h warns of them.
void PvSave::send_again_to_verify()
{
    writer_.write_record(RecordType::verify);
    pages_.sets().want_all();
    for (const Pfn ring : rings_) {
        pages_.sets().leave_out(ring);
    }
    const std::uint64_t nr_sent = pages_.send(PassKind::whole, info_.nr_pages);
    const std::uint64_t nr_dirty = dirty_log_ ? dirty_log_->peek() : 0;
    log_.info("domain %u: %" PRIu64 " pages sent again to be compared; %" PRIu64
              " became dirty meanwhile",
              domain_.domid(), nr_sent, nr_dirty);
}

/// The stream holds a whole guest: it runs on, and the stream is the caller's for a while.
/// @return true for another one
bool PvSave::checkpoint()
{
    writer_.write_record(RecordType::checkpoint);
    caller_.resume();
    return caller_.checkpoint();
}

}  // namespace sr
