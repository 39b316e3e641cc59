import torch
from transformers import BertConfig, BertModel, Trainer, TrainingArguments

import simgeo.torch

torch.manual_seed(0)
common = {"vocab_size": 100, "num_attention_heads": 2, "intermediate_size": 32}
teacher = BertModel(BertConfig(hidden_size=48, num_hidden_layers=2, **common)).eval()
student = BertModel(BertConfig(hidden_size=16, num_hidden_layers=1, **common))


class Distillation(Trainer):
    def compute_loss(self, model, inputs, return_outputs=False, **kwargs):
        with torch.no_grad():
            target = teacher(**inputs).last_hidden_state[:, 0]
        outputs = model(**inputs)
        loss = simgeo.torch.cka(outputs.last_hidden_state[:, 0], target)
        return (loss, outputs) if return_outputs else loss


tokens = torch.randint(100, (256, 12))
rows = [{"input_ids": row, "attention_mask": torch.ones_like(row)} for row in tokens]
settings = TrainingArguments(
    "trained", per_device_train_batch_size=64, num_train_epochs=4, learning_rate=3e-3,
    logging_steps=1, report_to=[], use_cpu=True, save_strategy="no", disable_tqdm=True,
)  # fmt: skip
trainer = Distillation(student, settings, train_dataset=rows)
trainer.train()
losses = [each["loss"] for each in trainer.state.log_history if "loss" in each]
