// SPDX-License-Identifier: LGPL-2.1-or-later
// The sequence of a restore: one record at a time, from a stream to a domain.
#include "libsr/restore/restore.hpp"

#include "libsr/restore/pv_restore.hpp"
#include "libsr/restore/static_data.hpp"
#include "libsr/wire/order.hpp"
#include "libsr/wire/stream_reader.hpp"
#include "libsr/xen/domain.hpp"

#include <cinttypes>

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
    Restore(const Domain& domain, Source& source, const RestoreSettings& settings,
            RestoreCaller& caller, Logger& log)
        : domain_{domain}, caller_{caller}, log_{log}, source_{source}, reader_{source},
          order_{reader_.image_header().version, reader_.domain_header().type},
          static_data_{domain}, pv_{domain, restorable_info(domain), settings, log}
    {
        if (reader_.domain_header().type != DomainType::x86_pv) {
            throw Error{Errc::unsupported,
                        "the stream holds an %s domain: only PV can be restored yet",
                        to_string(reader_.domain_header().type)};
        }
    }

    RestoreResults run()
    {
        while (!order_.finished()) {
            const RecordHead& head = reader_.next();
            reader_.at_place([&] { apply_record(head); });
            report(pv_.nr_pfns() == 0 ? Phase::setup : Phase::memory);
        }
        report(Phase::completion);
        // What only the end of the stream can show to be wrong is END's fault.
        return reader_.at_place([&] { return pv_.complete(); });
    }

private:
    void apply_record(const RecordHead& head)
    {
        const OrderStep step = order_.accept(head.type);
        if (step.deviation != nullptr) {
            log_.warning("record %" PRIu64 " %s at offset %#" PRIx64 " %s", head.place.record,
                         name_of(head.type), head.place.offset, step.deviation);
        }
        caller_.domain_changes();
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
            apply_tsc(decode_tsc_info(reader_.read_body()));
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
            break;
        case RecordType::verify:
            throw Error{Errc::unsupported,
                        "a stream that is sent twice to be compared (VERIFY) cannot "
                        "be restored yet"};
        case RecordType::hvm_context:
        case RecordType::hvm_params:
        case RecordType::toolstack:
        case RecordType::checkpoint:
        case RecordType::checkpoint_dirty_pfn_list:
            throw Error{Errc::internal, "%s passed the order of records", name_of(to_wire(type))};
        }
    }

    void end_static_data() { caller_.static_data_done(static_data_.end()); }

    void apply_tsc(const TscInfo& tsc)
    {
        domain_.set_tsc({tsc.mode, tsc.khz, tsc.nsec, tsc.incarnation});
    }

    void report(Phase phase)
    {
        const Progress progress{.phase = phase,
                                .pages_done = pv_.nr_arrived(),
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
    PvRestore pv_;
};

}  // namespace

RestoreResults restore_domain(const Host& host, std::uint32_t domid, Source& source,
                              const RestoreSettings& settings, RestoreCaller& caller, Logger& log)
{
    const Domain domain{host, domid};
    return Restore{domain, source, settings, caller, log}.run();
}

}  // namespace sr
