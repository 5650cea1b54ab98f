"""An agent of the Responses API that repeats what was said, at once or word by word."""

from mlflow.models import set_model
from mlflow.pyfunc import ResponsesAgent
from mlflow.types.responses import ResponsesAgentResponse, ResponsesAgentStreamEvent


class Responding(ResponsesAgent):
    def predict(self, request):
        said = f"{len(request.input)} {request.custom_inputs} {request.temperature}"
        return ResponsesAgentResponse(
            id="r",
            created_at=1,
            output=[self.create_text_output_item(text=said, id="m")],
            custom_outputs=request.custom_inputs,
        )

    def predict_stream(self, request):
        for number, item in enumerate(request.input):
            yield ResponsesAgentStreamEvent(
                type="response.output_item.done",
                item=self.create_text_output_item(text=str(item.model_dump().get("content")), id=str(number)),
            )


set_model(Responding())
