"""A chat model that repeats what was said, at once or word by word."""

from mlflow.models import set_model
from mlflow.pyfunc import ChatModel
from mlflow.types.llm import ChatChoice, ChatCompletionChunk, ChatCompletionResponse, ChatMessage


class Chatting(ChatModel):
    def predict(self, context, messages, params):
        said = f"{len(messages)} {messages[-1].content} {params.temperature} {params.max_tokens}"
        return ChatCompletionResponse(
            choices=[ChatChoice(index=0, message=ChatMessage(role="assistant", content=said))],
            model="chatting",
            created=1,
            id="x",
        )

    def predict_stream(self, context, messages, params):
        for word in messages[-1].content.split():
            if word == "fail":
                raise RuntimeError("a secret of the server")
            yield ChatCompletionChunk.from_dict(
                {"id": "x", "created": 1, "choices": [{"index": 0, "delta": {"role": "assistant", "content": word}}]}
            )


set_model(Chatting())
