// SPDX-License-Identifier: LGPL-2.1-or-later
// libxenguest, the stock engine.
#include "libsr/base/error.hpp"
#include "tests/bench/contender.hpp"

extern "C" {  // they do not say so themselves
#include <xenctrl.h>
#include <xenguest.h>
}

#include <cerrno>

namespace sr::bench {
namespace {

/// The domain is suspended already.
int suspended(void* /*user*/) noexcept
{
    return 1;
}

/// Policies that the stream lacks stay as the hypervisor made them.
int accept_static_data(unsigned int /*missing*/, void* /*user*/) noexcept
{
    return 0;
}

class Stock final : public Contender {
public:
    Stock() : xch_{xc_interface_open(nullptr, nullptr, 0)}
    {
        if (xch_ == nullptr) {
            throw Error::from_errno(Errc::hypervisor, errno, "xc_interface_open");
        }
    }
    Stock(const Stock&) = delete;
    Stock& operator=(const Stock&) = delete;
    ~Stock() override { xc_interface_close(xch_); }

    void save(std::uint32_t domid, int fd) override
    {
        save_callbacks callbacks{};
        callbacks.suspend = &suspended;
        if (xc_domain_save(xch_, fd, domid, 0, &callbacks, XC_STREAM_PLAIN, -1) != 0) {
            throw Error::from_errno(Errc::hypervisor, errno, "xc_domain_save");
        }
    }

    void restore(const Destination& to, int fd) override
    {
        restore_callbacks callbacks{};
        callbacks.static_data_done = &accept_static_data;
        unsigned long store_frame = 0;
        unsigned long console_frame = 0;
        if (xc_domain_restore(xch_, fd, to.domid, to.store_evtchn, &store_frame, 0,
                              to.console_evtchn, &console_frame, 0, XC_STREAM_PLAIN, &callbacks,
                              -1) != 0) {
            throw Error::from_errno(Errc::hypervisor, errno, "xc_domain_restore");
        }
    }

private:
    xc_interface* xch_;
};

}  // namespace

std::unique_ptr<Contender> open_stock()
{
    return std::make_unique<Stock>();
}

}  // namespace sr::bench
