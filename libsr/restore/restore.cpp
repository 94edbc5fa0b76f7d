// SPDX-License-Identifier: LGPL-2.1-or-later
// The sequence of a restore: one record at a time, from a stream to a domain.
#include "libsr/restore/restore.hpp"

#include "libsr/restore/grant_check.hpp"
#include "libsr/restore/pv_restore.hpp"
#include "libsr/restore/static_data.hpp"
#include "libsr/wire/limits.hpp"
#include "libsr/wire/order.hpp"
#include "libsr/wire/stream_reader.hpp"
#include "libsr/xen/domain.hpp"

#include <algorithm>
#include <cinttypes>
#include <optional>

namespace sr {
namespace {

DomainInfo restorable_info(const Domain& domain)
{
    const DomainInfo info = domain.info();
    if (info.dying) {
        throw Error{Errc::usage, "domain %u is dying", domain.domid()};
    }
    if (info.hvm) {
        throw Error{Errc::unsupported,
                    "domain %u is an HVM or PVH domain: only PV can be restored yet",
                    domain.domid()};
    }
    // setvcpucontext makes vCPUs runnable: a domain that is not paused would run half restored.
    if (!info.paused) {
        throw Error{Errc::usage, "domain %u is not paused, as one to restore into must be",
                    domain.domid()};
    }
    if (info.nr_pages != 0 || info.nr_vcpus == 0) {
        throw Error{Errc::usage,
                    "domain %u is not one to restore into: it has %" PRIu64
                    " pages and %u vCPUs, and "
                    "should have no memory yet, and its vCPUs",
                    domain.domid(), info.nr_pages, info.nr_vcpus};
    }
    return info;
}

/// A restore between two records: everything it knows is here, so that it can be left and entered
/// again.
class Restore {
public:
    Restore(const Domain& domain, const DomainInfo& info, Source& source,
            const RestoreSettings& settings, RestoreCaller& caller, Logger& log)
        : domain_{domain}, caller_{caller}, log_{log}, source_{source}, reader_{source},
          order_{reader_.image_header().version, reader_.domain_header().type, settings.stream},
          static_data_{domain}, grants_{domain, settings.max_grant_version, log}, pv_{domain, info,
                                                                                      settings, log}
    {
        if (reader_.domain_header().type != DomainType::x86_pv) {
            throw Error{Errc::unsupported,
                        "the stream holds an %s domain: only PV can be restored yet",
                        to_string(reader_.domain_header().type)};
        }
    }

    RestoreResults run()
    {
        while (!order_.finished() && !failed_over_) {
            next_record();
            report(pv_.nr_pfns() == 0 ? Phase::setup : Phase::memory);
        }
        report(Phase::completion);
        if (failed_over_) {
            return pv_.complete();
        }
        // What only the end of the stream can show to be wrong is END's fault.
        return reader_.at_place([&] { return pv_.complete(); });
    }

private:
    void next_record()
    {
        try {
            const RecordHead& head = reader_.next();
            reader_.at_place([&] { apply_record(head); });
        } catch (Error& e) {
            if (e.code() == Errc::io) {
                pv_.settle_pages();  // what is wrong with pages before the end says more than the end
            }
            if (!may_fail_over() || !is_senders(e.code())) {
                throw;
            }
            log_.warning("%s", e.what());
            if (e.code() != Errc::io && !sender_ends()) {
                e.with_consequence("the sender goes on after that: its guest may run, so domain %u "
                                   "must not",
                                   domain_.domid());
                throw;
            }
            fail_over();
        }
    }

    /// Whether the domain is that of a whole checkpoint, which no record since has changed.
    [[nodiscard]] bool may_fail_over() const noexcept { return nr_checkpoints_ != 0 && !applying_; }

    /// A sender that dies may say anything before it falls silent. So what it did wrong is no reason to give up the guest
    /// that it sent before, which may be the only one. What fails here says nothing of the sender.
    [[nodiscard]] static bool is_senders(Errc code) noexcept
    {
        return code == Errc::io || code == Errc::malformed || code == Errc::unsupported ||
               code == Errc::limit;
    }

    /// Drops what the sender still says, and waits for its end. Until that comes the sender may be well, whatever it said,
    /// and its guest run: a second one beside it would ruin their disks. @throws Error{cancelled}
    [[nodiscard]] bool sender_ends()
    {
        Octets dropped(std::size_t{64} << 10);
        try {
            for (std::uint64_t left = limits::after_nonsense_max; left != 0;) {
                const auto piece =
                    std::span{dropped}.first(std::min<std::uint64_t>(left, dropped.size()));
                if (source_.read_some(piece) < piece.size()) {
                    return true;
                }
                left -= piece.size();
            }
        } catch (const Error& e) {
            if (e.code() != Errc::io) {
                throw;
            }
            return true;
        }
        return false;
    }

    void fail_over()
    {
        log_.warning("domain %u fails over to checkpoint %" PRIu64 ", the last that is whole",
                     domain_.domid(), nr_checkpoints_);
        pv_.end_checkpoints();
        failed_over_ = true;
    }

    void begin_verify()
    {
        if (nr_checkpoints_ != 0) {
            throw Error{Errc::unsupported,
                        "pages are to be compared, but none of this checkpoint is in place yet"};
        }
        pv_.begin_verify();
    }

    void end_checkpoint()
    {
        pv_.end_verify();
        if (nr_checkpoints_ == 0) {
            pv_.begin_checkpoints();  // before the toolstack is told that there is a guest
        }
        if (caller_.checkpoint() == CheckpointRest::lost) {
            if (nr_checkpoints_ == 0) {
                throw Error{Errc::callback,
                            "the sender was lost before its first checkpoint was whole"}
                    .with_call("checkpoint");
            }
            log_.warning("the sender was lost within the toolstack's part of a checkpoint");
            return fail_over();
        }
        if (nr_checkpoints_ != 0) {
            apply_checkpoint();
        }
        ++nr_checkpoints_;
        log_.verbose("domain %u: checkpoint %" PRIu64 " is whole", domain_.domid(),
                     nr_checkpoints_);
    }

    void apply_checkpoint()
    {
        pv_.prepare_checkpoint();
        applying_ =
            true;  // until the end of a step that is wholly done: what fails here is no failover
        pv_.apply_checkpoint();
        if (next_tsc_) {
            apply_tsc(*next_tsc_);
        }
        next_tsc_.reset();
        applying_ = false;
    }

    void end_stream()
    {
        pv_.end_verify();
        if (order_.within_checkpoint() && nr_checkpoints_ != 0) {
            apply_checkpoint();
            ++nr_checkpoints_;
        }
    }

    void tell_deviation(const RecordHead& head, const char* deviation)
    {
        if (nr_deviations_++ < limits::deviations_told_max) {
            log_.warning("record %" PRIu64 " %s at offset %#" PRIx64 " %s%s", head.place.record,
                         name_of(head.type), head.place.offset, deviation,
                         nr_deviations_ == limits::deviations_told_max ? "; no more are told" : "");
        }
    }

    void apply_record(const RecordHead& head)
    {
        const OrderStep step = order_.accept(head.type);
        if (step.deviation != nullptr) {
            tell_deviation(head, step.deviation);
        }
        caller_.domain_changes();
        if (head.type != to_wire(RecordType::page_data)) {
            pv_.settle_pages();
        }
        if (step.ends_static_data) {
            end_static_data();
        }
        if (const auto type = record_type_from_wire(head.type)) {
            apply(*type);
        } else {
            reader_.skip_body();  // optional, and unknown: RecordOrder let no other one pass
        }
    }

    void apply(RecordType type)
    {
        switch (type) {
        case RecordType::page_data:
            pv_.apply_page_data(reader_);
            break;
        case RecordType::x86_pv_info:
            pv_.apply_pv_info(decode_pv_info(reader_.read_body()));
            break;
        case RecordType::x86_pv_p2m_frames:
            pv_.apply_p2m_frames(reader_.read_body());
            break;
        case RecordType::x86_pv_vcpu_basic:
        case RecordType::x86_pv_vcpu_extended:
        case RecordType::x86_pv_vcpu_xsave:
        case RecordType::x86_pv_vcpu_msrs:
            pv_.apply_vcpu(type, reader_.read_body());
            break;
        case RecordType::shared_info:
            pv_.apply_shared_info(reader_.read_body());
            break;
        case RecordType::x86_tsc_info:
            take_tsc(decode_tsc_info(reader_.read_body()));
            break;
        case RecordType::x86_cpuid_policy:
        case RecordType::x86_msr_policy:
            static_data_.apply(type, reader_.read_body());
            break;
        case RecordType::static_data_end:
            decode_empty(type, reader_.read_body());
            end_static_data();
            break;
        case RecordType::end:
            decode_empty(type, reader_.read_body());
            end_stream();
            break;
        case RecordType::checkpoint:
            decode_empty(type, reader_.read_body());
            end_checkpoint();
            break;
        case RecordType::verify:
            decode_empty(type, reader_.read_body());
            begin_verify();
            break;
        case RecordType::grant_table_info:
            grants_.take_info(reader_.read_body());
            break;
        case RecordType::grant_table_entries:
            // Behind PAGE_DATA, so that there is a highest pfn.
            grants_.take_entries(reader_.read_body(), Pfn{pv_.nr_pfns() - 1});
            break;
        case RecordType::hvm_context:
        case RecordType::hvm_params:
        case RecordType::toolstack:
        case RecordType::checkpoint_dirty_pfn_list:
            throw Error{Errc::internal, "%s passed the order of records", name_of(to_wire(type))};
        }
    }

    void end_static_data() { caller_.static_data_done(static_data_.end()); }

    void take_tsc(const TscInfo& tsc)
    {
        if (nr_checkpoints_ != 0) {
            next_tsc_ = tsc;
        } else {
            apply_tsc(tsc);
        }
    }

    void apply_tsc(const TscInfo& tsc)
    {
        domain_.set_tsc({tsc.mode, tsc.khz, tsc.nsec, tsc.incarnation});
    }

    void report(Phase phase)
    {
        const Progress progress{.phase = phase,
                                .round =
                                    pv_.nr_passes() + static_cast<std::uint32_t>(nr_checkpoints_),
                                .pages_done = std::min(pv_.nr_arrived(), pv_.nr_pfns()),
                                .pages_total = pv_.nr_pfns(),
                                .pages_sent = pv_.nr_loaded(),
                                .stream_octets = source_.position()};
        caller_.progress(progress);
    }

    const Domain& domain_;
    RestoreCaller& caller_;
    Logger& log_;
    Source& source_;
    StreamReader reader_;
    RecordOrder order_;
    StaticData static_data_;
    GrantCheck grants_;
    PvRestore pv_;
    std::uint64_t nr_deviations_ = 0;
    std::uint64_t nr_checkpoints_ = 0;  ///< whole ones; from the first on, records are kept
    std::optional<TscInfo> next_tsc_;   ///< that of the checkpoint that is kept
    bool applying_ = false;             ///< a checkpoint is being applied: the domain is neither
    bool failed_over_ = false;
};

}  // namespace

RestoreResults restore_domain(const Host& host, std::uint32_t domid, Source& source,
                              const RestoreSettings& settings, RestoreCaller& caller, Logger& log)
{
    const Domain domain{host, domid};
    const DomainInfo info = restorable_info(domain);
    caller.progress({.phase = Phase::setup});  // from here on the stream is read
    return Restore{domain, info, source, settings, caller, log}.run();
}

}  // namespace sr
