// SPDX-License-Identifier: LGPL-2.1-or-later
// The mark is a process' number and when it started, so that another with its number is not believed.
#include "tools/toolstack/saver_mark.hpp"

#include "libsr/base/error.hpp"
#include "tools/toolstack/domain_entries.hpp"

#include <fstream>
#include <sstream>
#include <unistd.h>

namespace sr {
namespace {

/// Out of the guest's sight, and gone with the domain whoever destroys it.
std::string mark_path(DomId domid)
{
    return libxl_path(domid) + "/libsr-saving";
}

/// "PID START", the latter in clock ticks since the host booted; empty if there is no such process, or it has ended.
std::string mark_of(int pid)
{
    constexpr int fields_up_to_start = 18;  // from the parent's number, behind the state
    std::ifstream file{"/proc/" + std::to_string(pid) + "/stat"};
    std::string line;
    std::getline(file, line);
    const auto name_end = line.rfind(')');  // a name may hold anything
    if (name_end == std::string::npos) {
        return {};
    }
    std::istringstream fields{line.substr(name_end + 1)};
    std::string state;
    std::string field;
    fields >> state;
    for (int i = 0; i < fields_up_to_start; ++i) {
        fields >> field;
    }
    fields >> field;
    return !fields || state == "Z" || state == "X" ? std::string{}
                                                   : std::to_string(pid) + ' ' + field;
}

[[noreturn]] void refuse(DomId domid, int pid)
{
    throw Error{Errc::guest, "domain %u is being saved by process %d: wait for that, or stop it",
                domid, pid};
}

/// The node, and the directory if there was none before.
void remove_mark(const StoreView& store, DomId domid)
{
    store.remove(mark_path(domid));
    if (store.list(libxl_path(domid)).empty()) {
        store.remove(libxl_path(domid));
    }
}

}  // namespace

std::optional<int> saver_of(const StoreView& store, DomId domid)
{
    const auto mark = store.read(mark_path(domid));
    int pid = 0;
    if (!mark || !(std::istringstream{*mark} >> pid) || pid <= 0 || mark_of(pid) != *mark) {
        return std::nullopt;
    }
    return pid;
}

void check_not_being_saved(const NamedDomain& domain)
{
    if (domain.saver) {
        refuse(domain.state.id, *domain.saver);
    }
}

SaverMark::SaverMark(Xenstore& store, DomId domid)
    : store_{store}, domid_{domid}, mark_{mark_of(::getpid())}
{
    store_.transaction([&](const StoreView& view) {
        if (const auto pid = saver_of(view, domid_)) {
            refuse(domid_, *pid);
        }
        view.write(mark_path(domid_), mark_);
    });
}

SaverMark::~SaverMark()
{
    try {
        store_.transaction([&](const StoreView& store) {
            if (store.read(mark_path(domid_)) == mark_) {
                remove_mark(store, domid_);
            }
        });
    } catch (const std::exception&) {
        // Once this process has ended nobody believes the mark.
    }
}

}  // namespace sr
