// SPDX-License-Identifier: LGPL-2.1-or-later
// helper-driver: plays libxl's part beside a save helper, of whomsoever, on the host it finds. Prints each message in a
// line, then how the helper ended and what became of the domain.
//
//   helper-driver save HELPER STREAM DOMID [--live] [--debug] [--checkpoints N] ...
//   helper-driver restore HELPER STREAM NAME KIB VCPUS [--remus] ...
//
// Exit status: 0 if the helper says that it is done, 1 if it says that it failed, 2 if it does not say, 3 if it breaks
// the protocol.
#include "libsr/base/error.hpp"
#include "tests/system/helper_process.hpp"
#include "tools/toolstack/create.hpp"
#include "tools/toolstack/suspend.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <map>
#include <memory>
#include <optional>
#include <thread>
#include <unistd.h>

namespace sr::test {
namespace {

constexpr std::uint32_t bit_of(unsigned message)
{
    return 1U << message;
}
// What libxl provides: suspend and the switch of the device model's log, and for Remus postcopy and checkpoint.
constexpr std::uint32_t save_callbacks = bit_of(3) | bit_of(7);
constexpr std::uint32_t remus_save_callbacks = save_callbacks | bit_of(4) | bit_of(5);
constexpr std::uint32_t restore_callbacks = bit_of(8) | bit_of(9);
constexpr std::uint32_t remus_restore_callbacks = restore_callbacks | bit_of(5);

constexpr std::uint64_t plain_stream = 0;
constexpr std::uint64_t remus_stream = 1;

/// libxl's record between two checkpoints, little-endian: type 4, no body.
constexpr std::array<std::uint8_t, 8> checkpoint_end{4, 0, 0, 0, 0, 0, 0, 0};

/// What to do in place of what libxl does, when a message comes for the n-th time.
struct Mischief {
    std::string message;  ///< its name, "any", or "silent": none has come for a while
    unsigned nth = 1;
    std::string deed;  ///< "close", "TERM", "KILL" or "answer:VALUE"
    unsigned seen = 0;
};

Mischief mischief_of(const std::string& text)
{
    const auto colon = text.find(':');
    const auto equals = text.find('=');
    if (colon == std::string::npos || equals == std::string::npos || colon > equals) {
        throw CLI::ValidationError("--at", "MESSAGE:N=DEED, not " + text);
    }
    return {text.substr(0, colon),
            static_cast<unsigned>(std::stoul(text.substr(colon + 1, equals - colon - 1))),
            text.substr(equals + 1)};
}

struct Arguments {
    std::string helper;
    std::string stream;
    DomId domid = 0;
    std::string name;
    std::uint64_t memory_kib = 0;
    unsigned nr_vcpus = 1;
    bool is_live = false;
    bool is_debug = false;
    bool is_remus = false;
    unsigned nr_checkpoints = 0;        ///< save: then the sender says stop; 0: no Remus
    std::optional<std::uint64_t> type;  ///< of the stream, in place of what follows from these
    std::vector<std::string> mischief;
    std::vector<std::string> environment;  ///< "NAME=VALUE", of the helper only
    std::string afterwards = "destroy";    ///< save, when it went well: destroy, resume or leave
};

class Driver {
public:
    Driver(const Arguments& arguments, int stream_flags)
        : arguments_{arguments}, stream_{::open(arguments.stream.c_str(), stream_flags | O_CLOEXEC,
                                                0600)}
    {
        if (!stream_) {
            throw Error::from_errno(Errc::io, errno, "%s", arguments.stream.c_str());
        }
        for (const std::string& one : arguments.mischief) {
            mischief_.push_back(mischief_of(one));
        }
    }
    Driver(const Driver&) = delete;
    Driver& operator=(const Driver&) = delete;
    virtual ~Driver() = default;

    /// @return the exit status
    int run()
    {
        helper_ = start();
        HelperSays says;
        bool cut_off = false;
        while (!cut_off && !result_ && !(cut_off = cut_off_in_silence()) && helper_->next(says)) {
            (void)std::printf("%s\n", says.line().c_str());
            cut_off = !respond(says);
        }
        const int flags = ::fcntl(stream_.get(), F_GETFL);
        (void)std::printf("stream: %s\n", (flags & O_NONBLOCK) == 0 ? "blocking" : "O_NONBLOCK");
        stream_ = Fd{};
        (void)std::printf("helper: %s\n", helper_->wait().c_str());
        const std::string mark = "/libxl/" + std::to_string(arguments_.domid) + "/libsr-saving";
        if (toolstack_.store().now().read(mark)) {
            (void)std::printf("mark: left behind\n");
        }
        if (!cut_off) {
            conclude(result_ && *result_ == 0);
        }
        return !result_ ? 2 : *result_ == 0 ? 0 : 1;
    }

protected:
    [[nodiscard]] virtual std::unique_ptr<HelperProcess> start() = 0;
    /// What libxl does for a message that wants an answer. @return the answer
    virtual int serve(const HelperSays& says) = 0;
    virtual void note(const HelperSays& /*says*/) {}
    virtual void conclude(bool is_done) = 0;

    [[nodiscard]] const Arguments& arguments() const noexcept { return arguments_; }
    [[nodiscard]] int stream() const noexcept { return stream_.get(); }
    [[nodiscard]] std::uint64_t stream_type(bool is_remus) const
    {
        return arguments_.type.value_or(is_remus ? remus_stream : plain_stream);
    }

    Toolstack toolstack_;

private:
    /// @return false if there is nobody to listen to any more
    bool perform(const std::string& deed)
    {
        if (deed == "close") {
            helper_->close_pipes();
            return false;
        }
        if (deed == "KILL") {
            helper_->signal(SIGKILL);
            return false;
        }
        if (deed == "TERM") {
            helper_->signal(SIGTERM);
        }
        return true;
    }

    /// A helper that blocks says nothing; one that is slow may say nothing either.
    bool cut_off_in_silence()
    {
        constexpr int a_while_ms = 500;
        const bool is_due =
            std::any_of(mischief_.begin(), mischief_.end(), [](const Mischief& one) {
                return one.message == "silent" && one.seen == 0;
            });
        return is_due && helper_->is_silent(a_while_ms) && !perform(deed_for("silent"));
    }

    /// @return false if there is nobody to listen to any more
    bool respond(const HelperSays& says)
    {
        const std::string deed = deed_for(says.name);
        if (!perform(deed)) {
            return false;
        }
        if (says.name == "complete") {
            result_ = static_cast<int>(says.numbers.at(0));
        }
        if (!says.wants_answer) {
            note(says);
            return true;
        }
        const bool is_told = deed.rfind("answer:", 0) == 0;
        helper_->answer(is_told ? std::stoi(deed.substr(7)) : result_ ? 0 : serve(says));
        return true;
    }

    [[nodiscard]] std::string deed_for(const std::string& name)
    {
        for (Mischief& one : mischief_) {
            const bool is_meant = one.message == name || (one.message == "any" && name != "silent");
            if (is_meant && ++one.seen == one.nth) {
                return one.deed;
            }
        }
        return "";
    }

    const Arguments& arguments_;
    Fd stream_;
    std::vector<Mischief> mischief_;
    std::unique_ptr<HelperProcess> helper_;
    std::optional<int> result_;
};

class SaveDriver final : public Driver {
public:
    explicit SaveDriver(const Arguments& arguments)
        : Driver{arguments, O_WRONLY | O_CREAT | O_TRUNC}
    {
    }

private:
    [[nodiscard]] bool is_remus() const noexcept { return arguments().nr_checkpoints != 0; }

    std::unique_ptr<HelperProcess> start() override
    {
        constexpr std::uint64_t live = 1;
        constexpr std::uint64_t debug = 2;
        const std::uint64_t flags =
            (arguments().is_live || is_remus() ? live : 0) | (arguments().is_debug ? debug : 0);
        return std::make_unique<HelperProcess>(
            arguments().helper, "--save-domain", stream(),
            std::vector<std::uint64_t>{arguments().domid, flags,
                                       is_remus() ? remus_save_callbacks : save_callbacks,
                                       stream_type(is_remus())},
            arguments().environment);
    }

    int serve(const HelperSays& says) override
    {
        if (says.name == "suspend") {
            return suspend();
        }
        if (says.name == "postcopy") {
            toolstack_.resume(arguments().domid);
            return 1;
        }
        if (says.name == "checkpoint") {
            return checkpoint();
        }
        return 0;
    }

    int suspend()
    {
        try {
            suspend_domain(toolstack_, arguments().domid, {});
            return 1;
        } catch (const Error& error) {
            (void)std::printf("driver: %s\n", error.what());
            return 0;
        }
    }

    /// The stream is libxl's now. The guest runs a little before the next one.
    int checkpoint()
    {
        if (::write(stream(), checkpoint_end.data(), checkpoint_end.size()) !=
            static_cast<ssize_t>(checkpoint_end.size())) {
            return 0;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds{20});
        return ++nr_done_ < arguments().nr_checkpoints ? 1 : 0;
    }

    /// As xl does: a guest whose save failed goes on.
    void conclude(bool is_done) override
    {
        const DomId domid = arguments().domid;
        const auto state = toolstack_.control().state_of(domid);
        const std::string wish = is_done ? arguments().afterwards : "resume";
        if (!state || wish == "leave") {
            return;
        }
        if (wish == "destroy") {
            toolstack_.destroy(domid);
        } else if (state->is_suspended()) {
            toolstack_.resume(domid);
        }
    }

    unsigned nr_done_ = 0;
};

DomainConfig configure(const Arguments& arguments)
{
    DomainConfig config;
    config.name = arguments.name;
    config.uuid = random_uuid();
    config.max_memory_kib = config.target_memory_kib = arguments.memory_kib;
    config.max_vcpus = arguments.nr_vcpus;
    config.vcpu_online.assign(config.max_vcpus, true);
    return config;
}

class RestoreDriver final : public Driver {
public:
    explicit RestoreDriver(const Arguments& arguments)
        : Driver{arguments, O_RDONLY}, domain_{toolstack_, configure(arguments)}
    {
    }

private:
    std::unique_ptr<HelperProcess> start() override
    {
        constexpr std::uint64_t dom0 = 0;
        const bool is_remus = arguments().is_remus;
        return std::make_unique<HelperProcess>(
            arguments().helper, "--restore-domain", stream(),
            std::vector<std::uint64_t>{
                domain_.id(), domain_.store_port(), dom0, domain_.console_port(), dom0,
                is_remus ? remus_restore_callbacks : restore_callbacks, stream_type(is_remus)},
            arguments().environment);
    }

    int serve(const HelperSays& says) override
    {
        return says.name == "checkpoint" ? checkpoint() : 0;
    }

    /// Reads libxl's own record. Without one the sender is gone: fail over.
    [[nodiscard]] int checkpoint() const
    {
        constexpr int success = 1;
        constexpr int failover = 2;
        std::array<std::uint8_t, checkpoint_end.size()> record{};
        for (std::size_t got = 0; got < record.size();) {
            const ssize_t moved = ::read(stream(), record.data() + got, record.size() - got);
            if (moved == 0) {
                return failover;
            }
            if (moved < 0) {
                throw Error::from_errno(Errc::io, errno, "reading the stream");
            }
            got += static_cast<std::size_t>(moved);
        }
        if (record != checkpoint_end) {
            throw Error{Errc::malformed, "no CHECKPOINT_END where one should be"};
        }
        return success;
    }

    void note(const HelperSays& says) override
    {
        if (says.name == "restore_results") {
            results_ = {says.numbers.at(0), says.numbers.at(1)};
        }
    }

    void conclude(bool is_done) override
    {
        if (!is_done) {
            return;
        }
        if (!results_) {
            throw Error{Errc::malformed, "complete, but no results"};
        }
        domain_.introduce(results_->first, results_->second);
        toolstack_.control().unpause(domain_.id());
        domain_.keep();
        (void)std::printf("domain %u\n", domain_.id());
    }

    NewDomain domain_;
    std::optional<std::pair<std::uint64_t, std::uint64_t>> results_;
};

void define_common(CLI::App& command, Arguments& arguments)
{
    command.add_option("HELPER", arguments.helper)->required();
    command.add_option("STREAM", arguments.stream)->required();
    command.add_option("--at", arguments.mischief, "MESSAGE:N=close|TERM|KILL|answer:VALUE");
    command.add_option("--helper-env", arguments.environment, "NAME=VALUE");
    command.add_option("--type", arguments.type, "of the stream, as libxl numbers them");
}

int run(int argc, char** argv)
{
    Arguments arguments;
    CLI::App app{"Plays libxl's part beside a save helper.", "helper-driver"};
    app.require_subcommand(1);
    auto* save = app.add_subcommand("save");
    define_common(*save, arguments);
    save->add_option("DOMID", arguments.domid)->required();
    save->add_flag("--live", arguments.is_live);
    save->add_flag("--debug", arguments.is_debug);
    save->add_option("--checkpoints", arguments.nr_checkpoints, "Remus; stop after so many");
    save->add_option("--afterwards", arguments.afterwards);
    auto* restore = app.add_subcommand("restore");
    define_common(*restore, arguments);
    restore->add_option("NAME", arguments.name)->required();
    restore->add_option("KIB", arguments.memory_kib)->required();
    restore->add_option("VCPUS", arguments.nr_vcpus)->required();
    restore->add_flag("--remus", arguments.is_remus);
    CLI11_PARSE(app, argc, argv);
    (void)std::signal(SIGPIPE, SIG_IGN);
    (void)std::setvbuf(stdout, nullptr, _IOLBF, 0);
    if (save->parsed()) {
        return SaveDriver{arguments}.run();
    }
    return RestoreDriver{arguments}.run();
}

}  // namespace
}  // namespace sr::test

int main(int argc, char** argv)
{
    try {
        return sr::test::run(argc, argv);
    } catch (const std::exception& error) {
        (void)std::fprintf(stderr, "helper-driver: %s\n", error.what());
        return 3;
    }
}
