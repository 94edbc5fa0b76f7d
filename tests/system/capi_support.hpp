// SPDX-License-Identifier: LGPL-2.1-or-later
// A toolstack that calls sr.h in this very process, over one fake host that all its tests share.
#pragma once

#include "libsr/base/bytes.hpp"
#include "libsr/base/fd.hpp"
#include "sr.h"
#include "tests/support/fakehost.hpp"
#include "tools/toolstack/create.hpp"

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace sr::test {

/// A host that the libraries of this very process find. They make one connection, for good.
struct OurHost {
    OurHost();

    FakeHost host{{"--memory", "256M", "--seed", "11"}};
};

/// The host, and this process' toolstack on it.
struct World : OurHost {
    World();

    Toolstack toolstack;
    std::unique_ptr<sr_host, void (*)(sr_host*)> engine{nullptr, &sr_host_close};
};
[[nodiscard]] World& world();

/// A small guest that has run a while and is suspended. One for all tests that leave it so.
[[nodiscard]] DomId suspended_guest();

/// Calls all that sr.h calls back, on whatever thread that happens.
struct Recorder {
    std::vector<std::string> calls;  ///< names of operations but log and progress, in order
    std::vector<sr_progress> progress;
    std::vector<std::string> log;
    std::vector<sr_restore_results> results;
    std::uint32_t missing = 0;
    bool off_thread = false;  ///< something was called on another thread than the first's
    sr_suspend_result suspend_answer = SR_SUSPEND_DONE;
    int static_data_answer = 0;
    std::vector<sr_restore_checkpoint_result> checkpoint_answers;  ///< SUCCESS when they run out
    std::function<void()> at_checkpoint;                           ///< may do things meanwhile
    std::function<void(const sr_progress&)> at_progress;           ///< may do things meanwhile

    std::thread::id thread = std::this_thread::get_id();
    void note(const char* name);
    [[nodiscard]] sr_save_ops save_ops();
    [[nodiscard]] sr_restore_ops restore_ops();
};

[[nodiscard]] sr_error fresh_error();
[[nodiscard]] sr_save_options save_options(sr_job* job = nullptr);
[[nodiscard]] sr_restore_options restore_options(const NewDomain& domain, sr_job* job = nullptr);

/// A file in memory.
class MemoryFile {
public:
    explicit MemoryFile(const Octets& contents = {});
    [[nodiscard]] int fd() const noexcept { return fd_.get(); }
    [[nodiscard]] Octets contents() const;

private:
    Fd fd_;
};

/// Both ends of a pipe.
struct Pipe {
    Pipe();
    Fd reader;
    Fd writer;
};

/// The bare stream of suspended_guest().
[[nodiscard]] const Octets& whole_stream();

/// A new, paused domain that the stream fits into. Gone when this goes.
[[nodiscard]] std::unique_ptr<NewDomain> new_domain(std::uint64_t memory_mib = 12);

/// Domains on the host, dom0 left out.
[[nodiscard]] std::size_t nr_domains();

}  // namespace sr::test
