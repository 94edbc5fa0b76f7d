// SPDX-License-Identifier: LGPL-2.1-or-later
// HVM parameters by number: public/hvm/params.h of Xen.
#include "tools/xsr/hvm_param_name.hpp"

#include <algorithm>
#include <array>

namespace sr {
namespace {

struct Named {
    std::uint64_t index;
    const char* name;
};

constexpr std::array names = {
    Named{0, "CALLBACK_IRQ"},
    Named{1, "STORE_PFN"},
    Named{2, "STORE_EVTCHN"},
    Named{4, "PAE_ENABLED"},
    Named{5, "IOREQ_PFN"},
    Named{6, "BUFIOREQ_PFN"},
    Named{9, "VIRIDIAN"},
    Named{10, "TIMER_MODE"},
    Named{11, "HPET_ENABLED"},
    Named{12, "IDENT_PT"},
    Named{14, "ACPI_S_STATE"},
    Named{15, "VM86_TSS"},
    Named{16, "VPT_ALIGN"},
    Named{17, "CONSOLE_PFN"},
    Named{18, "CONSOLE_EVTCHN"},
    Named{19, "ACPI_IOPORTS_LOCATION"},
    Named{24, "NESTEDHVM"},
    Named{26, "BUFIOREQ_EVTCHN"},
    Named{27, "PAGING_RING_PFN"},
    Named{28, "MONITOR_RING_PFN"},
    Named{29, "SHARING_RING_PFN"},
    Named{31, "TRIPLE_FAULT_REASON"},
    Named{32, "IOREQ_SERVER_PFN"},
    Named{33, "NR_IOREQ_SERVER_PAGES"},
    Named{34, "VM_GENERATION_ID_ADDR"},
    Named{35, "ALTP2M"},
    Named{36, "X87_FIP_WIDTH"},
    Named{37, "VM86_TSS_SIZED"},
    Named{38, "MCA_CAP"},
};

}  // namespace

std::string hvm_param_name(std::uint64_t index)
{
    const auto found = std::find_if(names.begin(), names.end(),
                                    [&](const Named& each) { return each.index == index; });
    const std::string number = std::to_string(index);
    return found == names.end() ? number : number + ' ' + found->name;
}

}  // namespace sr
