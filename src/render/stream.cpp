// CommandStream: the loop, and how a command fails.
#include "render/stream.h"

#include <utility>

#include "base/log.h"
#include "render/client_context.h"
#include "render/handlers_gen.h"
#include "wire/names.h"

namespace hesper::render {

CommandStream::CommandStream(ClientContext& context, std::string name, flight::Kind kind, std::uint32_t number)
    : context_(context),
      reader_(context.reclaimer()),
      name_(std::move(name)),
      number_(kind == flight::Kind::ring ? number + 1 : 0),
      observer_(context.options().observer),
      arena_(context.options().decoder_limit, &context.budget()),
      decoder_(arena_, &context.objects()),
      record_(context.recorder().open(kind, number)) {}

CommandStream::~CommandStream() { context_.recorder().close(record_); }

bool CommandStream::fatal() const noexcept { return context_.fatal(); }

bool CommandStream::stopping() const noexcept { return fatal() || (ring_ != nullptr && ring_->stopping()); }

bool CommandStream::execute_next() {
  constexpr std::uint32_t kGenerateReply = 1;
  arena_.reset();
  decoder_.begin_command();
  command_start_ = decoder_.position();
  const auto type = decoder_.take<std::uint32_t>();
  const auto flags = decoder_.take<std::uint32_t>();
  if (!decoder_.ok() || type >= kDispatch.size() || kDispatch[type] == nullptr) [[unlikely]] {
    const std::string_view refusal = wire::refusal(type);
    if (!refusal.empty()) {
      refuse(wire::CommandType{type}, fmt::format("This command is never answered: {}.", refusal));
    } else {
      decoder_.fail(wire::DecodeErrc::unknown_command, type);
      malformed(wire::CommandType{type});
    }
    return false;
  }
  reply_wanted_ = (flags & kGenerateReply) != 0;
  record_.command(static_cast<std::uint16_t>(type));
  if (observer_ != nullptr) [[unlikely]]
    return execute_observed(wire::CommandType{type});
  kDispatch[type](*this);
  return !context_.fatal();
}

bool CommandStream::execute_observed(wire::CommandType type) {
  const bool nested = nested_;
  observer_->command_begins(number_, type, nested);
  // A command that executes nested streams walks other bytes meanwhile.
  const auto commands = commands_;
  const std::size_t start = command_start_;
  kDispatch[std::to_underlying(type)](*this);
  commands_ = commands;
  command_start_ = start;
  observer_->command_ends(number_, type, commands.subspan(start, decoder_.position() - start), nested);
  return !context_.fatal();
}

bool CommandStream::execute(std::span<const std::byte> commands) {
  const Reclaimer::Visit visit(reader_);
  if (observer_ != nullptr) [[unlikely]]
    observer_->commands_arrive(number_, commands);
  record_.begin_batch();
  const bool went_well = execute_all(commands);
  record_.end_batch();
  return went_well;
}

void CommandStream::look_at(std::span<const std::byte> commands) {
  decoder_.reset(commands);
  commands_ = commands;
}

bool CommandStream::execute_all(std::span<const std::byte> commands) {
  look_at(commands);
  while (decoder_.remaining() != 0) {
    if (!execute_next()) return false;
  }
  return true;
}

std::optional<std::size_t> CommandStream::execute_some(std::span<const std::byte> commands, std::uint32_t count) {
  const Reclaimer::Visit visit(reader_);
  look_at(commands);
  for (; count > 0 && decoder_.remaining() != 0; --count) {
    if (!execute_next()) return std::nullopt;
  }
  return decoder_.position();
}

bool CommandStream::execute_nested(std::span<const std::byte> commands) {
  const wire::Decoder outer = decoder_;
  const bool outer_reply = reply_wanted_;
  nested_ = true;
  const bool went_well = execute_all(commands);
  nested_ = false;
  decoder_ = outer;
  reply_wanted_ = outer_reply;
  return went_well;
}

bool CommandStream::consume(RingBatch& batch) {
  const Reclaimer::Visit visit(reader_);
  if (observer_ != nullptr) [[unlikely]]
    observer_->commands_arrive(number_, batch.commands());
  look_at(batch.commands());
  record_.begin_batch();
  bool going = true;
  while (going && decoder_.remaining() != 0) {
    going = !stopping() && execute_next();
    if (going) batch.done(decoder_.position());
  }
  record_.end_batch();
  return going;
}

void CommandStream::broken(const std::string& reason) { context_.lose(name_ + ": " + reason); }

void CommandStream::malformed(wire::CommandType type) {
  const wire::DecodeError& error = decoder_.error();
  context_.lose(fmt::format(
      "{}, {} at byte {} of the {}: {} at byte {} (value {:#x}).", name_, wire::command_name(std::to_underlying(type)),
      command_start_, nested_ ? "nested stream" : "batch", wire::describe(error.code), error.offset, error.detail));
}

void CommandStream::refuse(wire::CommandType type, std::string_view reason) {
  context_.lose(fmt::format("{}, {} at byte {} of the {}: {}", name_, wire::command_name(std::to_underlying(type)),
                            command_start_, nested_ ? "nested stream" : "batch", reason));
}

void CommandStream::missing(wire::CommandType type) {
  refuse(type, "The host driver does not have this command, or its extension was not enabled.");
}

bool CommandStream::set_reply_target(const std::shared_ptr<Resource>& resource, std::size_t offset, std::size_t size) {
  if (offset > resource->size || size > resource->size - offset) return false;
  const auto memory = resource->map();
  if (!memory) return false;
  reply_.reset(memory->subspan(offset));
  reply_size_ = size;
  reply_resource_ = resource;
  return true;
}

std::span<std::byte> CommandStream::observed_reply(std::size_t size) {
  if (observed_reply_.size() < size) observed_reply_.resize(size);
  return std::span(observed_reply_).first(size);
}

void CommandStream::show_reply(wire::CommandType type, const wire::Encoder& encoder) {
  if (encoder.ok()) observer_->replied(number_, type, std::span(observed_reply_).first(encoder.position()));
}

bool CommandStream::seek_reply(std::size_t position) noexcept {
  return !reply_resource_.expired() && position <= reply_size_ && reply_.seek(position);
}

// ---- Objects ----

bool CommandStream::reserve(VkObjectType type, wire::ObjectId id) {
  if (id != 0 && context_.objects().find(id).type == VK_OBJECT_TYPE_UNKNOWN) return true;
  context_.lose(fmt::format("{}: a new object (VkObjectType {}) has the id {}, which is 0 or in use.", name_,
                            static_cast<int>(type), id));
  return false;
}

void CommandStream::enter_object(wire::ObjectId id, const wire::Object& object) {
  if (context_.objects().insert(id, object) == wire::ObjectTable::Insert::ok) return;
  context_.lose(
      fmt::format("{}: the object id {} cannot be entered; it is in use or there are too many objects.", name_, id));
}

void CommandStream::created_with_state(InstanceChild& object, VkObjectType type, wire::ObjectId id,
                                       std::uint64_t handle) {
  enter_object(id, {.type = type, .handle = handle, .state = state_of(object)});
}

void CommandStream::created_with_state(DeviceChild& object, VkObjectType type, wire::ObjectId id,
                                       std::uint64_t handle) {
  enter_object(id, {.type = type, .owner = object.device->number, .handle = handle, .state = state_of(object)});
  refuse_on_gone(*object.device, id);
}

void CommandStream::refuse_on_gone(const Device& device, wire::ObjectId id) {
  // The table's lock orders this with destroy_device(): what that did not find any more sees `gone` here.
  if (!device.gone.load(std::memory_order_relaxed)) return;
  context_.objects().erase(id);
  context_.lose(fmt::format("{}: an object is created on a device that is being destroyed.", name_));
}

void CommandStream::created(const void* parent_state, VkObjectType type, wire::ObjectId id, std::uint64_t handle) {
  // SAFETY: simple objects are children of a device; see device_procs().
  created_with_state(*static_cast<const DeviceChild*>(parent_state)->device, type, id, handle);
}

void CommandStream::failed(const void* parent_state, VkObjectType type, wire::ObjectId id) {
  Device* device = static_cast<const DeviceChild*>(parent_state)->device;
  enter_object(id, {.type = type, .tombstone = true, .owner = device->number, .handle = 0, .state = state_of(*device)});
  refuse_on_gone(*device, id);
}

bool CommandStream::destroyed(wire::CommandType type, wire::ObjectId id, std::uint64_t handle) {
  if (context_.objects().take(id, handle)) return true;
  refuse(type, "The object is destroyed on two streams at once.");
  return false;
}

}  // namespace hesper::render
