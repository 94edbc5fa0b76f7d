// SPDX-License-Identifier: LGPL-2.1-or-later
// Domain operations over libxenctrl.
#include "libsr/xen/domain.hpp"

#include "libsr/xen/call.hpp"
#include "libsr/xen/libraries.hpp"

#include <algorithm>
#include <cerrno>
#include <cinttypes>

namespace sr {
namespace {

constexpr std::size_t max_pins_per_call = 1024;

unsigned pin_command(unsigned level) noexcept
{
    static_assert(MMUEXT_PIN_L4_TABLE == MMUEXT_PIN_L1_TABLE + 3);
    return MMUEXT_PIN_L1_TABLE + (level - 1);
}

}  // namespace

bool DomainInfo::suspended() const noexcept
{
    return shut_down && shutdown_reason == SHUTDOWN_suspend;
}

DomainInfo Domain::info() const
{
    xc_domaininfo_t raw{};
    const int found = xc_domain_getinfolist(host_.xch(), domid_, 1, &raw);
    if (found < 0) {
        throw call_failed("XEN_SYSCTL_getdomaininfolist", errno, "domain %u", domid_);
    }
    if (found != 1 || raw.domain != domid_) {
        throw Error{Errc::usage, "there is no domain %u", domid_};
    }
    const bool shut_down = (raw.flags & XEN_DOMINF_shutdown) != 0;
    const std::uint32_t reason = (raw.flags >> XEN_DOMINF_shutdownshift) & XEN_DOMINF_shutdownmask;
    return {.hvm = (raw.flags & XEN_DOMINF_hvm_guest) != 0,
            .dying = (raw.flags & XEN_DOMINF_dying) != 0,
            .paused = (raw.flags & XEN_DOMINF_paused) != 0,
            .crashed = shut_down && reason == SHUTDOWN_crash,
            .shut_down = shut_down,
            .shutdown_reason = reason,
            .nr_pages = raw.tot_pages,
            .max_pages = raw.max_pages,
            .shared_info = Mfn{raw.shared_info_frame},
            .nr_vcpus = raw.max_vcpu_id + 1};  // XEN_INVALID_MAX_VCPU_ID is ~0
}

GuestWidth Domain::guest_width() const
{
    unsigned octets = 0;
    if (xc_domain_get_guest_width(host_.xch(), domid_, &octets) != 0) {
        throw call_failed("XEN_DOMCTL_get_address_size", errno, "domain %u", domid_);
    }
    if (octets != octets_of_word(GuestWidth::bits32) &&
        octets != octets_of_word(GuestWidth::bits64)) {
        throw Error{Errc::unsupported, "domain %u has words of %u octets", domid_, octets};
    }
    return static_cast<GuestWidth>(octets);
}

void Domain::set_guest_width(GuestWidth width) const
{
    if (guest_width() == width) {
        return;
    }
    const auto bits = static_cast<std::uint32_t>(octets_of_word(width) * 8);
    xen_domctl domctl{};
    domctl.cmd = XEN_DOMCTL_set_address_size;
    domctl.domain = static_cast<domid_t>(domid_);
    domctl.u.address_size.size = bits;
    if (xc_domctl(host_.xch(), &domctl) == 0) {
        return;
    }
    const int errnum = errno;
    constexpr const char* call = "XEN_DOMCTL_set_address_size";
    if (errnum == EOPNOTSUPP) {
        throw Error::from_errno(Errc::unsupported, errnum,
                                "this host runs no 32-bit PV guests (Xen allows them with pv=32 on "
                                "its command line): %s failed",
                                call)
            .with_call(call);
    }
    if (errnum == EACCES) {
        throw Error::from_errno(Errc::usage, errnum,
                                "domain %u cannot become a %u-bit one, as it has memory already: "
                                "%s failed",
                                domid_, bits, call)
            .with_call(call);
    }
    if (errnum == EINVAL && width == GuestWidth::bits64) {
        throw Error::from_errno(
            Errc::mismatch, errnum,
            "domain %u is a 32-bit one, and does not become a %u-bit one: %s failed", domid_, bits,
            call)
            .with_call(call);
    }
    throw call_failed(call, errnum, "making domain %u a %u-bit one", domid_, bits);
}

TscState Domain::tsc() const
{
    TscState state{};
    if (xc_domain_get_tsc_info(host_.xch(), domid_, &state.mode, &state.elapsed_ns, &state.khz,
                               &state.incarnation) != 0) {
        throw call_failed("XEN_DOMCTL_gettscinfo", errno, "domain %u", domid_);
    }
    return state;
}

void Domain::set_tsc(const TscState& state) const
{
    if (xc_domain_set_tsc_info(host_.xch(), domid_, state.mode, state.elapsed_ns, state.khz,
                               state.incarnation) != 0) {
        throw call_failed("XEN_DOMCTL_settscinfo", errno, "domain %u", domid_);
    }
}

void Domain::populate(std::span<std::uint64_t> pfns_to_mfns) const
{
    const std::uint64_t first = pfns_to_mfns.front();
    const int done = xc_domain_populate_physmap(host_.xch(), domid_, pfns_to_mfns.size(), 0, 0,
                                                pfns_to_mfns.data());
    if (done < 0) {
        throw call_failed("XENMEM_populate_physmap", errno,
                          "%zu frames for domain %u from pfn %#" PRIx64 " on", pfns_to_mfns.size(),
                          domid_, first)
            .with_pfn(first);
    }
    const auto nr_done = static_cast<std::size_t>(done);
    if (nr_done < pfns_to_mfns.size()) {
        throw Error{Errc::hypervisor,
                    "domain %u gets no more than %zu of %zu frames, from pfn %#" PRIx64
                    " on: its memory limit or the host's is reached",
                    domid_,
                    nr_done,
                    pfns_to_mfns.size(),
                    first}
            .with_call("XENMEM_populate_physmap")
            .with_pfn(pfns_to_mfns[nr_done]);
    }
}

void Domain::give_back(std::span<std::uint64_t> mfns) const
{
    if (xc_domain_decrease_reservation_exact(host_.xch(), domid_, mfns.size(), 0, mfns.data()) !=
        0) {
        throw call_failed("XENMEM_decrease_reservation", errno, "%zu frames of domain %u",
                          mfns.size(), domid_);
    }
}

void Domain::pin(std::span<const Pin> pins) const
{
    const std::size_t nr_ops = std::min(pins.size(), max_pins_per_call);
    const HypercallBuffer ops{host_, nr_ops * sizeof(mmuext_op)};
    const HypercallBuffer nr_done{host_, sizeof(unsigned)};
    while (!pins.empty()) {
        const auto batch = pins.first(std::min(pins.size(), nr_ops));
        std::transform(batch.begin(), batch.end(), ops.as<mmuext_op>(), [](const Pin& pin) {
            mmuext_op op{};
            op.cmd = pin_command(pin.level);
            op.arg1.mfn = pin.mfn.number();
            return op;
        });
        *nr_done.as<unsigned>() = 0;
        if (xencall4(host_.xcall(), __HYPERVISOR_mmuext_op, ops.handle(), batch.size(),
                     nr_done.handle(), domid_) < 0) {
            const int errnum = errno;
            const Pin& refused =
                batch[std::min<std::size_t>(*nr_done.as<unsigned>(), batch.size() - 1)];
            throw call_failed("MMUEXT_PIN_TABLE", errnum,
                              "pinning the level %u page table in pfn %#" PRIx64 " (mfn %#" PRIx64
                              ") of domain %u",
                              refused.level, refused.pfn.number(), refused.mfn.number(), domid_)
                .with_pfn(refused.pfn.number());
        }
        pins = pins.subspan(batch.size());
    }
}

}  // namespace sr
