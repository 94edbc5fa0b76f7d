// SPDX-License-Identifier: LGPL-2.1-or-later
// Output for people and for programs, over stdio.
#include "tools/xsr/console.hpp"

#include "libsr/wire/record_type.hpp"

#include <cerrno>
#include <cstdio>
#include <stdio_ext.h>
#include <unistd.h>

namespace sr {
namespace {

const char* holder_name(sr_guest_holder holder) noexcept
{
    switch (holder) {
    case SR_GUEST_UNTOUCHED:
        return "untouched";
    case SR_GUEST_AT_SOURCE:
        return "at-source";
    case SR_GUEST_IN_STREAM:
        return "in-stream";
    case SR_GUEST_AT_DESTINATION:
        return "at-destination";
    case SR_GUEST_IN_DOUBT:
        return "in-doubt";
    }
    return "in-doubt";
}

std::string dumped(const Json& document, int indent)
{
    return json_text(document, indent) + "\n";
}

}  // namespace

Failure failure_of(const Error& error)
{
    Failure failure;
    failure.exit_code = exit_code_of(error.code());
    failure.error_class = to_string(error.code());
    failure.message = error.what();
    if (error.errnum() != 0) {
        failure.details["errno"] = error.errnum();
    }
    if (error.place()) {
        failure.details["record"] = error.place()->record;
        failure.details["record-type"] = name_of(error.place()->type);
        failure.details["offset"] = error.place()->offset;
    }
    if (error.pfn()) {
        failure.details["pfn"] = *error.pfn();
    }
    if (!error.call().empty()) {
        failure.details["call"] = error.call();
    }
    return failure;
}

Failure no_such_domain(const std::string& name)
{
    return {ExitCode::no_domain, "usage", "there is no domain '" + name + "'", "", Json::object()};
}

Failure failure_of(const sr_error& error)
{
    Failure failure;
    failure.exit_code = exit_code_of(error.error_class);
    failure.error_class = sr_error_class_name(error.error_class);
    // Where a stop was noticed tells nobody anything.
    failure.message = error.error_class == SR_ERROR_CANCELLED
                          ? "stopped on request"
                          : static_cast<const char*>(error.message);
    if (error.errnum != 0) {
        failure.details["errno"] = error.errnum;
    }
    if (error.record != SR_NONE) {
        failure.details["record"] = error.record;
        failure.details["record-type"] = name_of(error.record_type);
        failure.details["offset"] = error.offset;
    }
    if (error.pfn != SR_NONE) {
        failure.details["pfn"] = error.pfn;
    }
    if (error.call[0] != '\0') {
        failure.details["call"] = static_cast<const char*>(error.call);
    }
    failure.details["guest"] = holder_name(error.guest);
    return failure;
}

ProgressMode Console::progress_mode() const
{
    if (options_.progress != ProgressMode::automatic) {
        return options_.progress;
    }
    return !options_.is_json && ::isatty(STDERR_FILENO) == 1 ? ProgressMode::bar
                                                             : ProgressMode::json;
}

bool Console::stdout_is_terminal() const
{
    return ::isatty(STDOUT_FILENO) == 1;
}

void Console::result(const Json& document)
{
    print(dumped(document, 2));
}

void Console::print(const std::string& text)
{
    (void)std::fwrite(text.data(), 1, text.size(), stdout);
}

void Console::event(const Json& line)
{
    erase_drawn();
    const std::string text = dumped(line, -1);
    (void)std::fwrite(text.data(), 1, text.size(), stderr);
}

void Console::note(const std::string& text)
{
    say("note", text);
}

void Console::warn(const std::string& text)
{
    say("warning", text);
}

void Console::say(const char* kind, const std::string& text)
{
    if (options_.is_json || progress_mode() == ProgressMode::json) {
        event({{"event", kind}, {"verb", verb_}, {"message", text}});
        return;
    }
    erase_drawn();
    (void)std::fprintf(stderr, "xsr %s: %s%s\n", verb_.c_str(),
                       std::string{kind} == "warning" ? "warning: " : "", text.c_str());
}

ExitCode Console::fail(const Failure& failure)
{
    std::string sentence = failure.message;
    if (!failure.consequence.empty()) {
        sentence += "; " + failure.consequence;
    }
    (void)std::fflush(stdout);
    if (options_.is_json || options_.progress == ProgressMode::json) {
        Json line = {{"event", "error"},
                     {"verb", verb_},
                     {"status", failure.exit_code == ExitCode::cancelled ? "cancelled" : "failed"},
                     {"exit-code", static_cast<int>(failure.exit_code)},
                     {"class", failure.error_class},
                     {"error-desc", sentence}};
        line.update(failure.details);
        event(line);
    } else {
        erase_drawn();
        (void)std::fprintf(stderr, "xsr %s: %s\n", verb_.c_str(), sentence.c_str());
    }
    return failure.exit_code;
}

void Console::draw(const std::string& line)
{
    (void)std::fprintf(stderr, "\r\033[K%s", line.c_str());
    (void)std::fflush(stderr);
    has_drawn_ = true;
}

void Console::erase_drawn()
{
    if (has_drawn_) {
        (void)std::fputs("\r\033[K", stderr);
        has_drawn_ = false;
    }
}

bool Console::try_flush()
{
    if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) {
        return true;
    }
    ::__fpurge(stdout);
    std::clearerr(stdout);
    return false;
}

void Console::flush()
{
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
        throw Error::from_errno(Errc::io, errno != 0 ? errno : EIO, "writing standard output");
    }
}

}  // namespace sr
