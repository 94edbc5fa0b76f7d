// SPDX-License-Identifier: LGPL-2.1-or-later
// The sequence of a save, from a domain to a stream.
#include "libsr/save/save.hpp"

#include "libsr/save/dirty_sets.hpp"
#include "libsr/save/page_batch.hpp"
#include "libsr/save/pv_guest.hpp"
#include "libsr/save/pv_records.hpp"
#include "libsr/wire/stream_writer.hpp"
#include "libsr/xen/domain.hpp"

#include <cinttypes>
#include <cstdint>
#include <vector>

namespace sr {
namespace {

void check_can_be_saved(const Domain& domain, const DomainInfo& info)
{
    const std::uint32_t domid = domain.domid();
    if (domid == 0) {
        throw Error{Errc::usage, "domain 0 is the host's own: it cannot be saved"};
    }
    if (info.dying) {
        throw Error{Errc::guest, "domain %u is dying", domid};
    }
    if (info.crashed) {
        throw Error{Errc::guest, "domain %u has crashed", domid};
    }
    if (info.shut_down && !info.suspended()) {
        throw Error{Errc::guest, "domain %u has shut down (reason %u), and is not suspended", domid,
                    info.shutdown_reason};
    }
    if (info.nr_vcpus == 0) {
        throw Error{Errc::guest, "domain %u has no vCPUs: nothing ever ran in it", domid};
    }
    if (info.hvm) {
        throw Error{Errc::unsupported, "domain %u is an HVM or PVH guest: only PV can be saved yet",
                    domid};
    }
    if (domain.guest_width() != GuestWidth::bits64) {
        throw Error{Errc::unsupported,
                    "domain %u is a 32-bit PV guest: only 64-bit can be saved yet", domid};
    }
}

/// The domain's state once it is suspended, by us if need be.
DomainInfo suspended_info(const Domain& domain, SaveCaller& caller)
{
    DomainInfo info = domain.info();
    check_can_be_saved(domain, info);
    if (info.suspended()) {
        return info;
    }
    caller.suspend();
    info = domain.info();
    if (!info.suspended()) {
        throw Error{Errc::guest, "domain %u was to suspend, but %s", domain.domid(),
                    info.crashed     ? "has crashed"
                    : info.shut_down ? "has shut down for another reason"
                                     : "still runs"};
    }
    return info;
}

/// One save of a suspended PV domain.
class PvSave {
public:
    PvSave(const Domain& domain, const DomainInfo& info, Sink& sink, SaveCaller& caller,
           Logger& log)
        : domain_{domain}, info_{info}, sink_{sink}, caller_{caller}, log_{log},
          guest_{domain, info}, preparer_{domain, guest_}
    {
    }

    void run()
    {
        report(Phase::setup);
        const auto [major, minor] = domain_.host().version();
        StreamWriter writer{sink_, {DomainType::x86_pv, major, minor}};
        write_static_records(domain_, guest_.abi(), writer);
        write_p2m_frames(guest_, writer);
        send_memory(writer);
        report(Phase::completion);
        write_machine_records(domain_, info_, guest_, writer);
        check_still_suspended();
        writer.write_record(RecordType::end);
    }

private:
    /// One pass over everything: the guest stands still, so one is enough, and nothing may be
    /// deferred.
    void send_memory(StreamWriter& writer)
    {
        const std::uint64_t nr_pfns = guest_.highest_pfn().number() + 1;
        log_.verbose("domain %u: %" PRIu64 " pfns, p2m as a %s", domain_.domid(), nr_pfns,
                     to_string(guest_.layout().kind));
        DirtySets sets{nr_pfns};
        sets.want_all();
        progress_.pages_total = nr_pfns;
        std::vector<Pfn> pfns;
        pfns.reserve(PageBatch::max_pages);
        std::optional<Pfn> next{0};
        while (next) {
            next = sets.take(*next, PageBatch::max_pages, pfns);
            send_batch(pfns, writer);
        }
        warn_of_unsaved();
    }

    void send_batch(const std::vector<Pfn>& pfns, StreamWriter& writer)
    {
        preparer_.prepare(pfns, batch_);
        check_sum_of_pages();
        note_unsaved();
        if (!batch_.entries.empty()) {
            writer.write_page_data(batch_.entries, batch_.contents);
        }
        progress_.pages_done += pfns.size();
        progress_.pages_sent += batch_.nr_with_contents;
        report(Phase::memory);
    }

    /// Nobody may have resumed it meanwhile: what was sent would be neither then nor now.
    void check_still_suspended() const
    {
        if (!domain_.info().suspended()) {
            throw Error{Errc::guest, "domain %u did not stay suspended while it was saved",
                        domain_.domid()};
        }
    }

    /// A guest whose p2m names frames again and again would make a stream without end.
    void check_sum_of_pages() const
    {
        if (progress_.pages_sent + batch_.nr_with_contents > info_.nr_pages) {
            throw Error{Errc::guest,
                        "the p2m of domain %u holds more frames than its %" PRIu64
                        " pages: some stand at several pfns",
                        domain_.domid(), info_.nr_pages}
                .with_pfn(batch_.entries.back().pfn.number());
        }
    }

    void note_unsaved()
    {
        for (const PageEntry& entry : batch_.entries) {
            if (entry.type == PageType::broken) {
                ++nr_broken_;
                log_.warning("pfn %#" PRIx64 " is lost to a memory error of the host",
                             entry.pfn.number());
            } else if (!has_contents(entry)) {
                ++nr_not_its_own_;
                log_.debug("pfn %#" PRIx64 " is a machine frame that is not the guest's memory",
                           entry.pfn.number());
            }
        }
    }

    /// Nothing is left out in silence.
    void warn_of_unsaved()
    {
        if (nr_broken_ != 0) {
            log_.warning("%" PRIu64 " pages of domain %u are lost: the host's memory is broken",
                         nr_broken_, domain_.domid());
        }
        if (nr_not_its_own_ != 0) {
            log_.warning("%" PRIu64
                         " pfns of domain %u name machine frames that are not its memory "
                         "(another domain's, mapped by grant): they are saved as holes",
                         nr_not_its_own_, domain_.domid());
        }
    }

    void report(Phase phase)
    {
        progress_.phase = phase;
        progress_.stream_octets = sink_.position();
        caller_.progress(progress_);
    }

    const Domain& domain_;
    DomainInfo info_;
    Sink& sink_;
    SaveCaller& caller_;
    Logger& log_;
    PvGuest guest_;
    PageBatchPreparer preparer_;
    PageBatch batch_;
    Progress progress_;
    std::uint64_t nr_broken_ = 0;
    std::uint64_t nr_not_its_own_ = 0;
};

}  // namespace

void save_domain(const Host& host, std::uint32_t domid, Sink& sink, SaveCaller& caller, Logger& log)
{
    const Domain domain{host, domid};
    const DomainInfo info = suspended_info(domain, caller);
    PvSave{domain, info, sink, caller, log}.run();
}

}  // namespace sr
