// SPDX-License-Identifier: LGPL-2.1-or-later
// Writing trace lines.
#include "tests/fakexen/host/trace.hpp"

#include <cinttypes>
#include <cstring>

namespace fakexen {

bool Trace::open(const std::string& path)
{
    file_.reset(std::fopen(path.c_str(), "we"));
    return file_ != nullptr;
}

void Trace::add(pid_t process, const std::string& program, const TracedCall& call,
                std::int64_t result) noexcept
{
    constexpr std::int64_t errno_max = 4095;
    const bool failed = result < 0 && result >= -errno_max;
    const char* name = failed ? ::strerrorname_np(static_cast<int>(-result)) : nullptr;
    char answer[32];
    if (name != nullptr) {
        (void)std::snprintf(answer, sizeof answer, "-%s", name);
    } else {
        (void)std::snprintf(answer, sizeof answer, "%" PRId64, result);
    }
    const bool detailed = !call.detail.empty();
    char line[256];
    (void)std::snprintf(line, sizeof line, "%" PRIu64 " %d %s %s = %s%s%s%s", ++number_, process,
                        program.c_str(), call.name.c_str(), answer, detailed ? " (" : "",
                        call.detail.c_str(), detailed ? ")" : "");
    if (file_) {
        (void)std::fprintf(file_.get(), "%s\n", line);
        (void)std::fflush(file_.get());
    }
    try {
        lines_.emplace_back(line);
        if (lines_.size() > nr_kept) {
            lines_.pop_front();
        }
    } catch (const std::bad_alloc&) {
        lines_.clear();  // a trace is no reason to die
    }
}

}  // namespace fakexen
