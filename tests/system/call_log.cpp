// SPDX-License-Identifier: LGPL-2.1-or-later
// Reading `fakexen calls`, and a table of calls.
#include "tests/system/call_log.hpp"

#include "tests/support/json.hpp"

#include <cstring>
#include <sstream>
#include <stdexcept>

namespace sr::test {
namespace {

struct EngineCall {
    const char* name;  ///< in a message
    std::vector<std::string> errnos;
};

// ESRCH is a domain that somebody destroyed meanwhile, EPERM a refusal of XSM, EFAULT a buffer that the kernel moved,
// ENOMEM either Xen's or that of libxenctrl's bounce buffers, ENOBUFS a list that grew after it was asked for its size.
const std::map<std::string, EngineCall>& engine_calls()
{
    static const std::vector<std::string> of_a_domain = {"ESRCH", "EPERM", "EFAULT", "EINVAL"};
    static const std::map<std::string, EngineCall> calls = {
        {"domctl.get_address_size", {"XEN_DOMCTL_get_address_size", {"ESRCH", "EPERM", "EFAULT"}}},
        {"domctl.get_cpu_policy",
         {"XEN_DOMCTL_get_cpu_policy", {"ESRCH", "EPERM", "EFAULT", "ENOBUFS"}}},
        {"domctl.get_ext_vcpucontext", {"XEN_DOMCTL_get_ext_vcpucontext", of_a_domain}},
        {"domctl.get_vcpu_msrs",
         {"XEN_DOMCTL_get_vcpu_msrs", {"ESRCH", "EPERM", "EFAULT", "EINVAL"}}},
        // A moment's EFAULT is no failure: the types are asked for again.
        {"domctl.getpageframeinfo3",
         {"XEN_DOMCTL_getpageframeinfo3", {"ESRCH", "EPERM", "EINVAL", "E2BIG", "ENOMEM"}}},
        {"domctl.gettscinfo", {"XEN_DOMCTL_gettscinfo", of_a_domain}},
        {"domctl.getvcpucontext",
         {"XEN_DOMCTL_getvcpucontext", {"ESRCH", "EPERM", "EFAULT", "EINVAL", "ENOMEM"}}},
        {"domctl.getvcpuextstate",
         {"XEN_DOMCTL_getvcpuextstate", {"ESRCH", "EPERM", "EFAULT", "EINVAL", "ENOMEM"}}},
        {"domctl.getvcpuinfo", {"XEN_DOMCTL_getvcpuinfo", of_a_domain}},
        {"domctl.set_cpu_policy",
         {"XEN_DOMCTL_set_cpu_policy",
          {"ESRCH", "EPERM", "EFAULT", "EINVAL", "ERANGE", "E2BIG", "ENOMEM"}}},
        {"domctl.set_ext_vcpucontext", {"XEN_DOMCTL_set_ext_vcpucontext", of_a_domain}},
        {"domctl.set_vcpu_msrs", {"XEN_DOMCTL_set_vcpu_msrs", of_a_domain}},
        {"domctl.shadow_op",
         {"XEN_DOMCTL_SHADOW_OP", {"ESRCH", "EPERM", "EFAULT", "EINVAL", "EBUSY", "ENOMEM"}}},
        {"domctl.settscinfo", {"XEN_DOMCTL_settscinfo", of_a_domain}},
        {"domctl.setvcpucontext",
         {"XEN_DOMCTL_setvcpucontext", {"ESRCH", "EPERM", "EFAULT", "EINVAL", "ENOMEM", "EBUSY"}}},
        {"domctl.setvcpuextstate",
         {"XEN_DOMCTL_setvcpuextstate", {"ESRCH", "EPERM", "EFAULT", "EINVAL", "ENOMEM"}}},
        {"grant_table_op.get_version", {"GNTTABOP_get_version", {"ESRCH", "EPERM", "EFAULT"}}},
        {"grant_table_op.query_size", {"GNTTABOP_query_size", {"EFAULT"}}},
        {"map",
         {"xenforeignmemory_map", {"ESRCH", "EPERM", "EFAULT", "EINVAL", "ENOMEM", "EBUSY"}}},
        {"map_resource",
         {"XENMEM_acquire_resource",
          {"ESRCH", "EPERM", "EFAULT", "EINVAL", "ENOMEM", "EOPNOTSUPP"}}},
        {"memory_op.decrease_reservation",
         {"XENMEM_decrease_reservation", {"ESRCH", "EPERM", "EFAULT"}}},
        {"memory_op.machphys_mfn_list", {"XENMEM_machphys_mfn_list", {"EFAULT", "ENOMEM"}}},
        {"memory_op.maximum_ram_page", {"XENMEM_maximum_ram_page", {"ENOSYS"}}},
        {"memory_op.populate_physmap",
         {"XENMEM_populate_physmap", {"ESRCH", "EPERM", "EFAULT", "ENOMEM"}}},
        {"mmuext_op",
         {"MMUEXT_PIN_TABLE", {"ESRCH", "EPERM", "EFAULT", "EINVAL", "EBUSY", "ENOMEM"}}},
        {"sysctl.get_cpu_policy",
         {"XEN_SYSCTL_get_cpu_policy", {"EPERM", "EFAULT", "EINVAL", "ENOBUFS", "EOPNOTSUPP"}}},
        {"sysctl.getdomaininfolist",
         {"XEN_SYSCTL_getdomaininfolist", {"EPERM", "EFAULT", "EACCES", "ENOMEM"}}},
        {"sysctl.physinfo", {"XEN_SYSCTL_physinfo", {"EPERM", "EFAULT"}}},
        {"xen_version", {"XENVER_version", {"EPERM", "ENOSYS"}}},
    };
    return calls;
}

}  // namespace

std::vector<LoggedCall> logged_calls(const FakeHost& host)
{
    std::vector<LoggedCall> calls;
    const auto answer = parsed_json(host.fakexen({"calls", "--json"}));
    for (const std::string line : answer.at("calls")) {
        std::istringstream words{line};
        LoggedCall call;
        std::string equals;
        words >> call.number >> call.process >> call.program >> call.name >> equals >> call.result;
        calls.push_back(call);
    }
    return calls;
}

std::uint64_t last_call(const FakeHost& host)
{
    const auto calls = logged_calls(host);
    return calls.empty() ? 0 : calls.back().number;
}

std::map<std::string, int> count_calls(const FakeHost& host, std::uint64_t after,
                                       const std::function<bool(const LoggedCall&)>& chosen)
{
    std::map<std::string, int> counts;
    for (const LoggedCall& call : logged_calls(host)) {
        if (call.number > after && call.name != "unmap" && chosen(call)) {
            ++counts[call.name];
        }
    }
    return counts;
}

const char* engine_name_of(const std::string& call)
{
    const auto at = engine_calls().find(call);
    return at == engine_calls().end() ? nullptr : at->second.name;
}

const std::vector<std::string>& errnos_of(const std::string& call)
{
    static const std::vector<std::string> usual = {"EPERM", "ESRCH", "ENOMEM"};
    const auto at = engine_calls().find(call);
    return at == engine_calls().end() ? usual : at->second.errnos;
}

std::string cue_for(const std::string& call, int nth, const std::string& errno_name)
{
    std::string text = call;
    text.append(":").append(std::to_string(nth)).append(":").append(errno_name);
    return text;
}

int errno_number(const std::string& name)
{
    constexpr int errno_max = 133;
    for (int number = 1; number <= errno_max; ++number) {
        const char* const candidate = ::strerrorname_np(number);
        if (candidate != nullptr && name == candidate) {
            return number;
        }
    }
    throw std::runtime_error{"no errno " + name};
}

}  // namespace sr::test
