"""A chat agent that repeats what was said, at once or word by word."""

from mlflow.models import set_model
from mlflow.pyfunc import ChatAgent
from mlflow.types.agent import ChatAgentChunk, ChatAgentMessage, ChatAgentResponse


class Agreeing(ChatAgent):
    def predict(self, messages, context=None, custom_inputs=None):
        said = f"{messages[-1].content} {context} {custom_inputs}"
        return ChatAgentResponse(messages=[ChatAgentMessage(role="assistant", content=said, id="m")])

    def predict_stream(self, messages, context=None, custom_inputs=None):
        for word in messages[-1].content.split():
            yield ChatAgentChunk(delta=ChatAgentMessage(role="assistant", content=word, id="m"))


set_model(Agreeing())
